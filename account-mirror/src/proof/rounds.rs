//! The rounds of a hash, between which the caller may end them.

/// Computes each round by its number. Before each thousand `check` is asked, with how many are left and
/// how many there are.
pub(super) fn compute<E>(
    rounds: u32,
    mut check: impl FnMut(u32, u32) -> Result<(), E>,
    mut round: impl FnMut(u32),
) -> Result<(), E> {
    for number in 0..rounds {
        if number % 1000 == 0 {
            check(rounds - number, rounds)?;
        }
        round(number);
    }
    Ok(())
}
