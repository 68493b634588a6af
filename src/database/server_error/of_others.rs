//! The numbers of statements and features that the function does not use, among those that speak of
//! something denied, absent, there already, limited or read-only: replication, partitions, routines and
//! so on. If one of them comes all the same, it is told as the server said it.

/// In ascending order.
pub(super) const NUMBERS: &[u16] = &[
    1007, 1008, 1029, 1050, 1072, 1086, 1091, 1112, 1125, 1168, 1176, 1244, 1304, 1359, 1360, 1431,
    1440, 1456, 1472, 1476, 1477, 1537, 1617, 1629, 1630, 1640, 1662, 1663, 1664, 1665, 1668, 1691,
    1700, 1749, 1813, 1873, 1920, 1951, 1973, 1974, 1975, 1976, 3011, 3025, 3074, 3075, 3079, 3089,
    3162, 3163, 3202, 3231, 3503, 3508, 3510, 3605, 3609, 3610, 3615, 3630, 3647, 3650, 3651, 3678,
    3679, 3681, 3695, 3700, 3789, 3808, 3809, 3810, 3844, 3896, 3913, 3940, 3989, 4040, 4043, 4047,
    4056, 4057, 4064, 4070, 4099, 4100, 4101, 4107, 4108, 4109, 4121, 4156, 4162, 4169, 4200, 6030,
    6110, 6112, 6411, 6453, 6472, 6473, 6483, 6491, 6492, 6554, 6562, 6575,
];
