//! An application: it logs in all the time with what it has read from the secret.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::account::Tenant;

/// How long the application rests between two logins.
const REST: Duration = Duration::from_millis(250);

/// Logs in until it is ended. A refusal fails the test.
#[derive(Debug)]
pub(super) struct Observer {
    secret: watch::Sender<(String, String)>,
    logins: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Observer {
    /// Begins with this user and password, and returns after the first login: from then on the server knows
    /// the password, and a login as this user ends with its first packet.
    pub(super) async fn start(tenant: Rc<Tenant>, login: (String, String)) -> Self {
        let (secret, reading) = watch::channel(login);
        let (counting, logins) = watch::channel(0);
        let task = tokio::task::spawn_local(async move {
            loop {
                let (user, password) = reading.borrow().clone();
                let accepted = tenant.logs_in(&user, &password).await;
                assert!(accepted, "{user} was refused although it is AWSCURRENT");
                counting.send_modify(|count| *count += 1);
                tokio::time::sleep(REST).await;
            }
        });
        let mut observer = Self { secret, logins, task };
        observer.next_login().await;
        observer
    }

    /// The secret has changed. Returns when the application has logged in with what it holds now;
    /// the rotation after this one may replace what it had before.
    pub(super) async fn reads(&mut self, login: (String, String)) {
        self.secret.send_replace(login);
        // A login that had begun before may end once more.
        for _ in 0..2 {
            self.next_login().await;
        }
    }

    async fn next_login(&mut self) {
        assert!(self.logins.changed().await.is_ok(), "the application was refused");
    }

    pub(super) fn logins(&self) -> usize {
        *self.logins.borrow()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
