//! Two at once: the same step twice, two versions, two secrets, and a superuser that changes.

use std::time::Duration;

use rotation::error::ErrorType;
use tokio::sync::mpsc;

use crate::support::account::{Tenant, account};
use crate::support::grants::assert_equal_accounts;
use crate::support::proxy::{Fault, Proxy};
use crate::support::scene::{STEPS, Scene, document, superuser_document, through};
use crate::support::server::Server;

/// Both users log in with what the secret says, and are equal.
pub(crate) async fn assert_in_order(tenant: &Tenant, scene: &Scene) {
    for label in ["AWSCURRENT", "AWSPREVIOUS"] {
        let (user, password) = scene.login(label).await;
        assert!(tenant.logs_in(&user, &password).await, "{label} is refused");
    }
    assert_equal_accounts(tenant, &tenant.user(), &tenant.twin()).await;
}

#[tokio::test]
async fn a_step_that_is_invoked_twice_at_once_is_done_once() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, "a password").await;
        let token = scene.begin().await;
        for step in STEPS {
            let both = tokio::join!(scene.step(step, &token), scene.step(step, &token));
            for result in [both.0, both.1] {
                let error = result.err().map(|error| error.error_type());
                // The second one waits for the first, and it may be too late for it then.
                let fine = [None, Some(ErrorType::RotationInProgress)];
                assert!(fine.contains(&error), "{server:?} {step}: {error:?}");
            }
        }
        assert_eq!(scene.version("AWSCURRENT").await, Some(token));
        assert_in_order(&tenant, &scene).await;
    }
}

/// Takes the label away, as the errors of a rotation that is stuck advise.
pub(crate) async fn withdraw(scene: &Scene, token: &str) {
    let call = scene.secrets.update_secret_version_stage();
    let call = call.secret_id(&scene.arn).version_stage("AWSPENDING");
    call.remove_from_version_id(token).send().await.unwrap();
}

#[tokio::test]
async fn a_version_that_lost_its_label_does_nothing_more() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, "a password").await;
        let old = scene.begin().await;
        scene.step("createSecret", &old).await.unwrap();
        scene.step("setSecret", &old).await.unwrap();
        withdraw(&scene, &old).await;
        let new = scene.begin().await;
        assert_ne!(old, new);
        for step in STEPS {
            let (refused, done) = tokio::join!(scene.step(step, &old), scene.step(step, &new));
            // A version without any label is not shown at all.
            let refused = refused.unwrap_err().error_type();
            assert_eq!(refused, ErrorType::VersionUnknown, "{server:?} {step}");
            done.unwrap();
        }
        assert_eq!(scene.version("AWSCURRENT").await, Some(new));
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn an_invocation_that_slept_through_another_rotation_writes_nothing() {
    for &server in Server::all() {
        let (tenant, scene, proxy) = Scene::seen(server, "a password").await;
        let old = scene.begin().await;
        scene.step("createSecret", &old).await.unwrap();

        // It has read the secret and logged in, and sleeps before it takes the lock on the pair.
        let (asleep, mut sleeps) = mpsc::unbounded_channel();
        let mut first = true;
        proxy.script(move |request| {
            if request.text.contains("GET_LOCK") && std::mem::take(&mut first) {
                asleep.send(()).unwrap();
                return Some(Fault::Delay(Duration::from_secs(6)));
            }
            None
        });
        let other = async {
            sleeps.recv().await.unwrap();
            withdraw(&scene, &old).await;
            scene.rotate().await
        };
        let (late, new) = tokio::join!(scene.step("setSecret", &old), other);
        let late = late.expect_err("the late invocation went on").error_type();
        assert_eq!(late, ErrorType::RotationSuperseded, "{server:?}");
        assert_eq!(scene.version("AWSCURRENT").await, Some(new));
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn of_two_secrets_for_one_user_the_second_is_refused_and_the_first_goes_on() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle("a password").await;
        let first = Scene::of(&tenant, "a password").await;
        first.rotate().await;

        let again = Tenant::at(tenant.address.clone());
        let user = document(&tenant.address, &tenant.user(), "a password");
        let second = Scene::with(&again, &superuser_document(&tenant.address), user).await;
        let token = second.begin().await;
        second.step("createSecret", &token).await.unwrap();
        let refused = second.step("setSecret", &token).await.unwrap_err();
        assert_eq!(refused.error_type(), ErrorType::TwinNotOurs, "{server:?}");
        assert_in_order(&tenant, &first).await;

        first.rotate().await;
        assert_in_order(&tenant, &first).await;
        let refused = second.step("setSecret", &token).await.unwrap_err();
        let found = refused.error_type();
        assert_eq!(found, ErrorType::CurrentPasswordWrong, "{server:?}");
        assert_in_order(&tenant, &first).await;
    }
}

#[tokio::test]
async fn secrets_that_share_a_superuser_rotate_at_once_and_do_not_wait_for_one_another() {
    for &server in Server::all() {
        let (slow, quick) = (Tenant::of(server).await, Tenant::of(server).await);
        slow.settle("a password").await;
        quick.settle("another password").await;
        let proxy = Proxy::mysql(&slow.address.host, slow.address.port).await;
        let superuser = through(&proxy, superuser_document(&slow.address));
        let user = document(&slow.address, &slow.user(), "a password");
        let first = Scene::with(&slow, &superuser, user).await;
        let mut user = document(&quick.address, &quick.user(), "another password");
        user["masterarn"] = first.superuser_arn.clone().into();
        let second = Scene::with_text(&quick, &superuser, |_| user.to_string()).await;
        for _ in 0..2 {
            // The one sleeps while it has the lock on its pair; the other rotates meanwhile.
            let (asleep, mut sleeps) = mpsc::unbounded_channel();
            let mark = slow.mark().to_owned();
            proxy.script(move |request| {
                let is_write =
                    request.text.starts_with("ALTER USER") && request.text.contains(&mark);
                let is_first = is_write && asleep.send(()).is_ok();
                is_first.then_some(Fault::Delay(Duration::from_secs(3)))
            });
            let (ended, mut ends) = mpsc::unbounded_channel();
            let late = ended.clone();
            tokio::join!(
                async {
                    first.rotate().await;
                    late.send("slow").unwrap();
                },
                async {
                    sleeps.recv().await.unwrap();
                    drop(sleeps);
                    second.rotate().await;
                    ended.send("quick").unwrap();
                }
            );
            let order = [ends.recv().await, ends.recv().await];
            assert_eq!(order, [Some("quick"), Some("slow")], "{server:?}");
            assert_in_order(&slow, &first).await;
            assert_in_order(&quick, &second).await;
        }
    }
}

#[tokio::test]
async fn a_superuser_whose_password_changes_just_now_is_read_again() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle("a password").await;
        let name = format!("{}_su", tenant.mark());
        let superuser = account(&name, "%");
        tenant
            .sql(format!(
                "CREATE USER {superuser} IDENTIFIED BY 'old password'; \
                 GRANT ALL ON *.* TO {superuser} WITH GRANT OPTION"
            ))
            .await;
        let old = document(&tenant.address, &name, "old password");
        let user = document(&tenant.address, &tenant.user(), "a password");
        let scene = Scene::with(&tenant, &old, user).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();

        // The database has the new password, and the secret follows a moment later.
        tenant.sql(format!("ALTER USER {superuser} IDENTIFIED BY 'new password'")).await;
        let follow = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let new = document(&tenant.address, &name, "new password").to_string();
            let call = scene.secrets.put_secret_value();
            let call = call.secret_id(&scene.superuser_arn).secret_string(new);
            call.send().await.unwrap();
        };
        let (result, ()) = tokio::join!(scene.step("setSecret", &token), follow);
        result.unwrap();
        scene.resume("testSecret", &token).await.unwrap();
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn a_password_of_the_superuser_that_was_refused_is_not_tried_again() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle("a password").await;
        let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let mut superuser = through(&proxy, superuser_document(&tenant.address));
        superuser["password"] = "a replaced password".into();
        let user = document(&tenant.address, &tenant.user(), "a password");
        let scene = Scene::with(&tenant, &superuser, user).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        let refused = scene.step("setSecret", &token).await.unwrap_err();
        let found = refused.error_type();
        assert_eq!(found, ErrorType::SuperuserLoginRefused, "{refused}");
        assert_eq!(proxy.connections(), 1, "{server:?}");
        assert!(tenant.hosts(&tenant.twin()).await.is_empty());
        assert!(tenant.logs_in(&tenant.user(), "a password").await);
    }
}
