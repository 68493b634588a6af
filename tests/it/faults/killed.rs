//! The built program is killed, or frozen, at a call or a packet, as Lambda does with sandboxes.

use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::LocalSet;

use super::is_long;
use super::kind::{OF_PACKETS, Trigger};
use super::stage::{Place, Situation, Stage};
use crate::support::proxy::Request;
use crate::support::scene::STEPS;
use crate::support::server::Server;
use crate::support::stack::{Function, FunctionError, tell};
use crate::support::watch::Watch;

/// Where the function runs, found by its name in its environment.
fn process(function: &str) -> Option<String> {
    let marker = format!("AWS_LAMBDA_FUNCTION_NAME={function}\0");
    let is_it = |folder: &Path| {
        let program = std::fs::read_link(folder.join("exe")).ok()?;
        let environment = std::fs::read(folder.join("environ")).ok()?;
        let environment = String::from_utf8_lossy(&environment).into_owned();
        (program.ends_with("bootstrap") && environment.contains(&marker)).then_some(())
    };
    let mut processes = std::fs::read_dir("/proc").unwrap().flatten();
    let found = processes.find(|entry| is_it(&entry.path()).is_some())?;
    Some(found.file_name().to_string_lossy().into_owned())
}

fn signal(function: &str, signal: &str) {
    if let Some(process) = process(function) {
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success());
    }
}

async fn function(stage: &Stage, timeout: Duration) -> (String, Function) {
    let name = format!("killed-{}", stage.tenant.mark());
    let aws = stage.proxy(Place::Aws).url();
    let ca_file = stage.tenant.address.ca_file.display().to_string();
    let environment = [
        ("SECRETS_MANAGER_ENDPOINT", &*aws),
        ("TLS_CA_FILE", &*ca_file),
        ("EXCLUDE_PUNCTUATION", "true"),
        ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
    ];
    let binary = env!("CARGO_BIN_EXE_bootstrap");
    let function = Function::start(&name, binary, &environment, timeout).await;
    (name, function)
}

async fn rotate(stage: &Stage, function: &Function, token: &str) -> Result<(), FunctionError> {
    for step in STEPS {
        let answer = function.invoke(&stage.event(step, token)).await?;
        // The emulator has no words for a sandbox that died before its first answer.
        if !answer.is_null() {
            return Err(FunctionError {
                error_type: "Killed".to_owned(),
                error_message: answer.to_string(),
            });
        }
        if step == "createSecret" {
            stage.knows(&stage.scene.login("AWSPENDING").await.1);
        }
    }
    Ok(())
}

/// Sends a signal at the first request for which this is so. Returns whether there was one.
async fn run(
    stage: &mut Stage,
    (name, function): &(String, Function),
    (place, mut is_it): (Place, impl FnMut(&Request) -> bool + Send + 'static),
    (stop, go_on): (&'static str, Option<(&str, Duration)>),
) -> bool {
    let before = stage.scene.login("AWSCURRENT").await;
    let token = stage.scene.begin().await;
    let met = Arc::new(AtomicBool::new(false));
    let (is_met, target) = (met.clone(), name.clone());
    stage.proxy(place).script(move |request: &Request| {
        if !is_met.load(Ordering::Relaxed) && is_it(request) {
            is_met.store(true, Ordering::Relaxed);
            signal(&target, stop);
        }
        None
    });
    let thaw = async {
        let Some((go_on, after)) = go_on else {
            return;
        };
        while !met.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(after).await;
        signal(name, go_on);
    };
    let rotation = rotate(stage, function, &token);
    let mut end = if go_on.is_some() {
        // A rotation that was never frozen ends alone, and one that was needs the other side.
        tokio::pin!(rotation);
        tokio::select! {
            end = &mut rotation => end,
            () = thaw => rotation.await,
        }
    } else {
        rotation.await
    };
    stage.reset().await;
    let met = met.load(Ordering::Relaxed);
    let mut ends = Vec::new();
    while let Err(error) = end {
        assert!(met, "a rotation without trouble failed: {error:?}");
        ends.push(error);
        assert!(ends.len() < 6, "{place:?} {stop}: every retry fails: {ends:?}");
        end = rotate(stage, function, &token).await;
    }
    stage.has_ended_well(&token, before).await;
    met
}

async fn kill_everywhere(server: Server, stride: usize, watch: Rc<Watch>) {
    let mut points = 0;
    let mut stage = Stage::set(server, watch.clone()).await;
    let function = function(&stage, Duration::from_secs(30)).await;
    // The first rotation makes the twin; what it meets is as good a point as any.
    let mut situation = Situation::First;
    for (place, stride) in [(Place::Aws, 1), (Place::Superuser, stride), (Place::Users, stride)] {
        for at in (1..).step_by(stride) {
            if situation != Situation::First {
                let (user, _) = stage.scene.login("AWSCURRENT").await;
                stage.drift(&user).await;
            }
            situation = Situation::Drift;
            let mut trigger = Trigger::new(at, OF_PACKETS[1]);
            let is_it = move |request: &Request| trigger.pull(request, false).is_some();
            if !run(&mut stage, &function, (place, is_it), ("-KILL", None)).await {
                break;
            }
            points += 1;
        }
    }
    watch.also(&function.1.logged());
    tell(&format!("{server:?}: killed at {points} points"));
}

/// Frozen somewhere among the statements that make the twin, for longer than a session may idle.
async fn freeze(server: Server, watch: Rc<Watch>) {
    let mut stage = Stage::set(server, watch.clone()).await;
    let function = function(&stage, Duration::from_secs(120)).await;
    let go_on = Some(("-CONT", Duration::from_secs(65)));
    let is_it = |request: &Request| request.text.starts_with("GRANT ");
    let met = run(&mut stage, &function, (Place::Superuser, is_it), ("-STOP", go_on));
    assert!(met.await, "{server:?} was not met");
    watch.also(&function.1.logged());
}

#[tokio::test]
async fn the_program_may_be_killed_at_any_point_or_frozen_for_longer_than_the_server_waits() {
    let servers = Server::all();
    let stride = if is_long() { 1 } else { 3 };
    let watch = Rc::new(Watch::all_but_the_sdk());
    let lanes = LocalSet::new();
    // A freeze takes a minute of doing nothing, so all go on at once.
    let freezing = servers.iter().map(|server| freeze(*server, watch.clone()));
    let mut running: Vec<_> = freezing.map(|lane| lanes.spawn_local(lane)).collect();
    for server in servers {
        running.push(lanes.spawn_local(kill_everywhere(*server, stride, watch.clone())));
    }
    lanes
        .run_until(async {
            for lane in running {
                lane.await.unwrap();
            }
        })
        .await;
    let searched = watch.finish() >> 20;
    tell(&format!("{searched} MiB of log searched"));
}
