//! What the pure parts of a rotation take at n, 2n, 4n and 8n of what an account may have many of:
//! `cargo run --release -p account-mirror --example growth`. What grows faster than n log n is a defect.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "it is what the example is for")]

use std::collections::BTreeMap;
use std::hint::black_box;

use account_mirror::family::Family;
use account_mirror::grant::{CaselessName, Grant, GrantTarget, RoleName};
use account_mirror::plan::plan;
use account_mirror::privilege::{Privilege, Privileges};
use account_mirror::show_grants::{Places, Shown};
use account_mirror::user::{Account, User};
use account_mirror::username::Username;

const SIZES: [usize; 4] = [1000, 2000, 4000, 8000];
/// The system says what a process has had of a processor in steps of some milliseconds.
const RUNS: u32 = 20;
const FAMILIES: [Family; 2] = [Family::MySql((9, 7, 0)), Family::MariaDb((11, 8, 0))];

fn main() {
    println!(
        "{:<40} {:>9} {:>9} {:>9} {:>9}  last doubling",
        "milliseconds", 1000, 2000, 4000, 8000
    );
    for family in FAMILIES {
        for (what, source, twin) in users() {
            measure(&format!("plan, {what}, {family}"), |n| {
                let (source, twin) = (source(n), twin(n));
                move || drop(black_box(plan(family, &source, Some(&twin))))
            });
        }
    }
    measure("differences, all skipped", |n| {
        let shown = |user: &str, to: usize| {
            let line = |n| format!("GRANT SELECT ON `app`.`t{n}` TO `{user}`@`%`");
            Shown::new(user, "%", (0..to).map(line))
        };
        let (ours, theirs) = (shown("app", n), shown("app_clone", 0));
        let source = tables(n);
        let skipped: Vec<_> = source.accounts["%"].grants.keys().cloned().collect();
        move || {
            let skipped: Places = skipped.iter().collect();
            let left = ours.differences(&theirs).into_iter().flatten();
            assert_eq!(left.filter(|clause| !skipped.have(clause)).count(), 0);
        }
    });
}

type Make = fn(usize) -> User;

fn users() -> [(&'static str, Make, Make); 6] {
    let none: Make = |_| user("app_clone", BTreeMap::new());
    [
        ("tables", tables, none),
        ("tables to revoke", |_| user("app", BTreeMap::new()), tables),
        ("schemas", schemas, none),
        ("roles", roles, none),
        ("columns of one table", columns, none),
        ("hosts with a partial revoke", hosts, |n| {
            let mut twin = hosts(n);
            twin.accounts.values_mut().for_each(|account| account.grants.clear());
            twin
        }),
    ]
}

fn measure<W: FnMut()>(what: &str, make: impl Fn(usize) -> W) {
    let times = SIZES.map(|n| {
        let mut work = make(n);
        let begun = processor_ms();
        (0..RUNS).for_each(|_| work());
        (processor_ms() - begun) / f64::from(RUNS)
    });
    let [a, b, c, d] = times;
    println!("{what:<40} {a:>9.2} {b:>9.2} {c:>9.2} {d:>9.2}  {:.1}", d / c);
}

/// What the process has had of a processor: other programs do not disturb it.
fn processor_ms() -> f64 {
    let times = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds: Option<f64> = times.split(' ').next().and_then(|text| text.parse().ok());
    nanoseconds.unwrap_or_default() / 1e6
}

fn user(name: &str, grants: BTreeMap<GrantTarget, Grant>) -> User {
    let account = Account { grants, ..Account::default() };
    User {
        name: Username::parse(name).expect("a name"),
        accounts: [("%".to_owned(), account)].into(),
    }
}

fn select() -> Privileges {
    ["SELECT"].iter().filter_map(|name| Privilege::named(name)).collect()
}

fn held() -> Grant {
    Grant { privileges: select(), ..Grant::default() }
}

fn tables(n: usize) -> User {
    let table = |n| GrantTarget::Table { schema: "app".to_owned(), name: format!("t{n}") };
    user("app", (0..n).map(|n| (table(n), held())).collect())
}

fn schemas(n: usize) -> User {
    user("app", (0..n).map(|n| (GrantTarget::Schema(format!("s{n}\\_%")), held())).collect())
}

fn roles(n: usize) -> User {
    let role = |n| RoleName { user: format!("r{n}"), host: Some("%".to_owned()) };
    user("app", (0..n).map(|n| (GrantTarget::Role(role(n)), Grant::default())).collect())
}

fn columns(n: usize) -> User {
    let column = |n| (CaselessName::from(format!("c{n}").as_str()), select());
    let grant = Grant { columns: (0..n).map(column).collect(), ..Grant::default() };
    let table = GrantTarget::Table { schema: "app".to_owned(), name: "t".to_owned() };
    user("app", [(table, grant)].into())
}

fn hosts(n: usize) -> User {
    let mut source = user("app", BTreeMap::new());
    let grants: BTreeMap<_, _> =
        [(GrantTarget::Global, held()), (GrantTarget::PartialRevoke("app".to_owned()), held())]
            .into();
    let account = || Account { grants: grants.clone(), ..Account::default() };
    source.accounts =
        (0..n).map(|n| (format!("10.{}.{}.1", n / 256, n % 256), account())).collect();
    source
}
