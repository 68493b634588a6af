//! Nothing locks anybody out: a rotation meets a fault at every call to AWS and at every packet to
//! the database, while an application logs in all the time. Then it is tried again, and ends well.
//!
//! A third of the points of every kind of rotation is met once, on every server, the kinds of fault
//! taking turns. `FAULT_SWEEP=points` meets every point, and `FAULT_SWEEP=all` tries all kinds at
//! each of them.

use std::rc::Rc;

use rotation::error::ErrorType;
use tokio::task::LocalSet;

use self::kind::{Kind, OF_CALLS, OF_PACKETS};
use self::stage::{End, Place, Situation, Stage};
use crate::support::proxy::Fault;
use crate::support::server::Server;
use crate::support::stack::tell;
use crate::support::watch::Watch;

mod killed;
mod kind;
mod observer;
mod stage;

#[tokio::test]
async fn no_fault_of_a_call_to_aws_locks_anybody_out() {
    for &server in Server::all() {
        sweep(server, &[Place::Aws]).await;
    }
}

#[tokio::test]
async fn no_fault_of_a_packet_to_the_database_locks_anybody_out() {
    for &server in Server::all() {
        sweep(server, &[Place::Superuser, Place::Users]).await;
    }
}

/// What a sweep has seen.
#[derive(Default)]
struct Report {
    points: usize,
    runs: usize,
    failed: usize,
    logins: usize,
}

async fn sweep(server: Server, places: &[Place]) {
    let started = std::time::Instant::now();
    // What the SDK logs is the same whatever the server is.
    let watch = Rc::new(if places == [Place::Aws] && Server::is_reference() {
        Watch::everything()
    } else {
        Watch::all_but_the_sdk()
    });
    let lanes = LocalSet::new();
    let mut running = Vec::new();
    for &place in places {
        for situation in [Situation::First, Situation::Later, Situation::Drift] {
            let watch = watch.clone();
            let lane = async move { lane(server, situation, place, watch).await };
            running.push((place, situation, lanes.spawn_local(lane)));
        }
    }
    let mut lines = Vec::new();
    lanes
        .run_until(async {
            for (place, situation, lane) in running {
                let Report { points, runs, failed, logins } = lane.await.unwrap();
                lines.push(format!(
                    "{server:?}, {place:?}, {situation:?}: {points} points, {runs} faults, \
                     {failed} cut off, {logins} logins of the application"
                ));
            }
        })
        .await;
    let searched = watch.finish() >> 20;
    tell(&format!(
        "{}\n{searched} MiB of log searched, {} s",
        lines.join("\n"),
        started.elapsed().as_secs()
    ));
}

/// Every point of one kind of rotation, one after the other.
async fn lane(server: Server, situation: Situation, place: Place, watch: Rc<Watch>) -> Report {
    let mut report = Report::default();
    // Each server begins with another third.
    let (first, stride) = match how_long() {
        Length::AThird => (1 + usize::from(server.version().0) % 3, 3),
        Length::Points | Length::All => (1, 1),
    };
    let mut stage = Stage::set(server, watch.clone()).await;
    if situation != Situation::First {
        let kind = OF_PACKETS[0];
        stage.run(Situation::Later, place, usize::MAX, kind).await;
    }
    for at in (first..).step_by(stride) {
        let mut met = false;
        for kind in kinds(situation, place, report.points) {
            if situation == Situation::First && report.runs > 0 {
                report.logins += stage.logins();
                stage = Stage::set(server, watch.clone()).await;
            }
            let run = stage.run(situation, place, at, kind).await;
            met = run.met;
            if !met {
                break;
            }
            report.runs += 1;
            report.failed += usize::from(!matches!(run.end, End::Itself(Ok(()))));
            if let End::Itself(Err(error)) = run.end {
                let found = error.error_type();
                assert!(expected(place, kind).contains(&found), "{at} {kind:?}: {error:?}");
            }
        }
        if !met {
            break;
        }
        report.points += 1;
    }
    assert!(report.points > 3, "{server:?}, {place:?}, {situation:?}: {} points", report.points);
    report.logins += stage.logins();
    report
}

/// The kinds of fault that a point meets: all, or the one whose turn it is.
fn kinds(situation: Situation, place: Place, number: usize) -> Vec<Kind> {
    let kinds = match place {
        Place::Aws => OF_CALLS,
        Place::Superuser | Place::Users => OF_PACKETS,
    };
    if is_long() {
        return kinds.to_vec();
    }
    let turn = number + 3 * situation as usize;
    vec![kinds[turn % kinds.len()]]
}

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    AThird,
    Points,
    All,
}

fn is_long() -> bool {
    how_long() == Length::All
}

#[expect(clippy::disallowed_methods, reason = "no setting of the function")]
fn how_long() -> Length {
    match std::env::var("FAULT_SWEEP").as_deref() {
        Err(_) => Length::AThird,
        Ok("points") => Length::Points,
        Ok("all") => Length::All,
        Ok(other) => panic!("FAULT_SWEEP is points or all, and not {other}"),
    }
}

/// What the function may say about a fault: never that somebody's credentials are wrong.
fn expected(place: Place, kind: Kind) -> &'static [ErrorType] {
    match (place, kind.fault) {
        (Place::Aws, Fault::Answer(_, "AccessDeniedException")) => &[ErrorType::AccessDenied],
        (Place::Aws, _) => &[
            ErrorType::AwsCallFailed,
            ErrorType::AwsUnreachable,
            ErrorType::Throttled,
            ErrorType::DeadlineExceeded,
        ],
        // MySQL has waited for the rest of a login, and says so out of order; others hang up.
        (Place::Superuser | Place::Users, Fault::Stall) => &[
            ErrorType::ProtocolError,
            ErrorType::ConnectionLost,
            ErrorType::ServerUnreachable,
            ErrorType::ServerSilent,
            ErrorType::DeadlineExceeded,
        ],
        (Place::Superuser | Place::Users, _) => &[
            ErrorType::ConnectionLost,
            ErrorType::ServerUnreachable,
            ErrorType::ServerSilent,
            ErrorType::DeadlineExceeded,
        ],
    }
}
