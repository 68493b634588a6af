//! A secret whose rotation is seen, call by call and packet by packet, and meets faults.

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use rotation::error::Error;
use serde_json::{Value, json};

use super::is_long;
use super::kind::{Kind, Trigger};
use super::observer::Observer;
use crate::support::account::{Tenant, account};
use crate::support::grants::assert_equal_accounts;
use crate::support::proxy::{Fault, Proxy};
use crate::support::scene::{STEPS, Scene, document, superuser_document, through};
use crate::support::server::{Need, Server};
use crate::support::stack::setting;
use crate::support::watch::Watch;

/// Where faults happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Between the function and Secrets Manager.
    Aws,
    /// In the superuser's connections.
    Superuser,
    /// In the connections of the user and its twin.
    Users,
}

/// What the rotation finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Situation {
    /// There is no twin yet.
    First,
    /// The twin is as the user is.
    Later,
    /// The twin lacks something, and has something else.
    Drift,
}

/// How long a silence lasts before the sandbox is killed, as Lambda does when the time is over. What
/// the function itself does about silences is told by other tests.
const SILENCE: Duration = Duration::from_millis(300);
/// No form of a password that is this recognizable is missed.
const ENVIRONMENT: (&str, &str) = ("EXCLUDE_PUNCTUATION", "true");
/// It is only looked for: where it is needed, Secrets Manager would not accept an invented one.
const ROTATION_TOKEN: &str = "canary-rotation-token-0f53a1b2c4d6e8f7";

/// One secret and its proxies.
pub(super) struct Stage {
    pub(super) tenant: Rc<Tenant>,
    pub(super) scene: Scene,
    watch: Rc<Watch>,
    observer: Observer,
    proxies: [Proxy; 3],
    drifts: usize,
}

/// How one rotation with a fault went.
pub(super) struct Run {
    /// Whether there was a request with that number.
    pub(super) met: bool,
    pub(super) end: End,
}

/// How a try ended.
#[derive(Debug)]
pub(super) enum End {
    /// The function came to an end.
    Itself(Result<(), Error>),
    /// It was killed while it waited.
    Killed,
}

impl Stage {
    pub(super) async fn set(server: Server, watch: Rc<Watch>) -> Self {
        let tenant = Tenant::of(server).await;
        let password = format!("Canary{}{}", tenant.mark(), "Initial1");
        tenant.settle(&password).await;
        if server.has(Need::FailedLogins) {
            // One login with a wrong password, and nobody gets in any more.
            let user = account(&tenant.user(), "%");
            let limit = "FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME UNBOUNDED";
            tenant.sql(format!("ALTER USER {user} {limit}")).await;
        }
        tenant.sql(on_absent(&tenant, &tenant.user())).await;
        for secret in [&password, &tenant.address.root_password, ROTATION_TOKEN] {
            watch.know(secret);
        }
        let aws = Proxy::http(&setting("AWS_ENDPOINT_URL")).await;
        let superuser = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let users = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let user = document(&tenant.address, &tenant.user(), &password);
        let root = superuser_document(&tenant.address);
        let scene = Scene::with(&tenant, &through(&superuser, root), through(&users, user)).await;
        let endpoint = ("SECRETS_MANAGER_ENDPOINT", &*aws.url());
        let scene = scene.in_environment(&tenant, &[endpoint, ENVIRONMENT]).await;
        let tenant = Rc::new(tenant);
        Self {
            observer: Observer::start(tenant.clone(), (tenant.user(), password)).await,
            tenant,
            scene,
            watch,
            proxies: [aws, superuser, users],
            drifts: 0,
        }
    }

    pub(super) fn logins(&self) -> usize {
        self.observer.logins()
    }

    pub(super) fn proxy(&self, place: Place) -> &Proxy {
        match place {
            Place::Aws => &self.proxies[0],
            Place::Superuser => &self.proxies[1],
            Place::Users => &self.proxies[2],
        }
    }

    /// Looks for this secret in all that is logged.
    pub(super) fn knows(&self, secret: &str) {
        self.watch.know(secret);
    }

    /// Lets everything pass again, and ends what is open. Returns when the server has noticed: to MySQL
    /// a login that breaks off is a failed one, from that moment on. The session has its user's name
    /// shortly before it is counted.
    pub(super) async fn reset(&self) {
        for proxy in &self.proxies {
            proxy.reset();
            proxy.hang_up();
        }
        if !self.tenant.address.server.has(Need::FailedLogins) {
            return;
        }
        let mut root = self.tenant.root().await;
        let logins = format!(
            "SELECT id FROM information_schema.processlist \
             WHERE user IN ('unauthenticated user', '{}', '{}')",
            self.tenant.user(),
            self.tenant.twin()
        );
        let mut broken_off: Vec<u64> = root.query(&logins).await.unwrap();
        // Logins of other tests are among them, which may be held up on purpose.
        for _ in 0..100 {
            if broken_off.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            let open: Vec<u64> = root.query(&logins).await.unwrap();
            broken_off.retain(|id| open.contains(id));
        }
        root.disconnect().await.unwrap();
    }

    /// Rotates with a fault at request `at`, and again without one until the rotation has ended.
    pub(super) async fn run(
        &mut self,
        situation: Situation,
        place: Place,
        at: usize,
        kind: Kind,
    ) -> Run {
        let before = self.scene.login("AWSCURRENT").await;
        if situation == Situation::Drift {
            self.drift(&before.0).await;
        }
        let token = self.scene.begin().await;
        let trigger = Arc::new(Mutex::new(Trigger::new(at, kind)));
        let pulled = trigger.clone();
        let connections = place != Place::Aws;
        self.proxy(place).script(move |request| trigger.lock().unwrap().pull(request, connections));
        let is_met = || pulled.lock().unwrap().was_pulled();
        let end = tokio::select! {
            end = self.rotate(&token) => End::Itself(end),
            () = silence(kind, &is_met) => End::Killed,
        };
        self.reset().await;
        let met = is_met();
        if let End::Itself(Err(error)) = &end {
            self.watch.also(&format!("{error} {error:?}"));
        }
        if !matches!(end, End::Itself(Ok(()))) {
            assert!(met, "a rotation without a fault did not end well: {end:?}");
            self.retry(&token, &format!("{place:?} {at} {kind:?} {end:?}")).await;
        }
        let run = Run { met, end };
        self.has_ended_well(&token, before).await;
        run
    }

    /// The server may need a moment to notice that the connections of the try before have gone.
    async fn retry(&self, token: &str, what: &str) {
        let mut ends = Vec::new();
        for _ in 0..3 {
            self.proxies.iter().for_each(Proxy::hang_up);
            match self.rotate(token).await {
                Ok(()) => return,
                Err(error) => ends.push(error),
            }
        }
        panic!("{what}: every retry fails: {ends:?}");
    }

    /// What the function is invoked with for one step.
    pub(super) fn event(&self, step: &str, token: &str) -> Value {
        let mut event = json!({
            "Step": step,
            "SecretId": self.scene.arn,
            "ClientRequestToken": token,
        });
        if step != "createSecret" {
            event["RotationToken"] = ROTATION_TOKEN.into();
        }
        event
    }

    /// The steps, as Secrets Manager invokes them; each version's password is looked for.
    async fn rotate(&self, token: &str) -> Result<(), Error> {
        for step in STEPS {
            let result = self.scene.invoke(self.event(step, token)).await;
            if step == "createSecret" && result.is_ok() {
                self.watch.know(&self.scene.login("AWSPENDING").await.1);
            }
            result?;
        }
        Ok(())
    }

    pub(super) async fn has_ended_well(&mut self, token: &str, before: (String, String)) {
        assert_eq!(self.scene.version("AWSCURRENT").await.as_deref(), Some(token));
        let after = self.scene.login("AWSCURRENT").await;
        assert_ne!(after.0, before.0);
        assert_eq!(self.scene.login("AWSPREVIOUS").await, before);
        self.observer.reads(after).await;
        let (user, password) = before;
        assert!(self.tenant.logs_in(&user, &password).await, "{user} is locked out");
        assert_equal_accounts(&self.tenant, &self.tenant.user(), &self.tenant.twin()).await;
    }

    /// Makes the user and its twin differ in both directions.
    pub(super) async fn drift(&mut self, user: &str) {
        let other =
            if user == self.tenant.user() { self.tenant.twin() } else { self.tenant.user() };
        let database = self.tenant.database();
        let user_name = user;
        let [user, twin] = [user, &other].map(|name| account(name, "%"));
        let sql = if self.drifts.is_multiple_of(2) {
            format!(
                "GRANT INSERT, UPDATE (name) ON {database}.items TO {user}; \
                 ALTER USER {user} WITH MAX_USER_CONNECTIONS 20; {}",
                on_absent(&self.tenant, user_name)
            )
        } else {
            format!(
                "REVOKE INSERT, UPDATE (name) ON {database}.items FROM {user}; \
                 REVOKE SELECT, INSERT ON {database}.absent FROM {user}; \
                 ALTER USER {user} WITH MAX_USER_CONNECTIONS 0"
            )
        };
        self.drifts += 1;
        // In the first round there is no twin to differ.
        if self.tenant.hosts(&other).await.is_empty() {
            self.tenant.sql(sql).await;
        } else {
            let extra =
                format!("GRANT DELETE ON {database}.* TO {twin}; GRANT RELOAD ON *.* TO {twin}");
            self.tenant.sql(format!("{sql}; {extra}")).await;
        }
    }
}

/// A grant on a table that does not exist, which the function can copy with CREATE alone.
fn on_absent(tenant: &Tenant, user: &str) -> String {
    let (table, user) = (format!("{}.absent", tenant.database()), account(user, "%"));
    format!(
        "GRANT SELECT, INSERT, CREATE ON {table} TO {user}; REVOKE CREATE ON {table} FROM {user}"
    )
}

/// Ends some time after a fault that is a silence.
async fn silence(kind: Kind, is_met: &impl Fn() -> bool) {
    if is_long() || !matches!(kind.fault, Fault::Stall | Fault::HoldAnswer) {
        std::future::pending::<()>().await;
    }
    while !is_met() {
        tokio::time::sleep(SILENCE / 10).await;
    }
    tokio::time::sleep(SILENCE).await;
}
