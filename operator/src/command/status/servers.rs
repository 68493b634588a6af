//! The users of many secrets, server by server: one session of a superuser serves all secrets that
//! have it.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream;
use indicatif::ProgressBar;
use rotation::error::Error;
use rotation::event::SecretId;
use rotation::step::Rotation;
use rotation::step::survey::Surveying;

use super::{AT_ONCE, OnServer, Row, Subject};
use crate::account::{Account, FunctionSettings, deadline};
use crate::arguments::Settings;
use crate::screen::Described;

/// Looks at all of them, and completes their rows.
pub(super) async fn look(
    account: &Account,
    given: &Settings,
    subjects: Vec<(usize, Subject)>,
    bar: &ProgressBar,
) -> Vec<(usize, Row)> {
    let mut functions: BTreeMap<Option<String>, Vec<_>> = BTreeMap::new();
    for (at, subject) in subjects {
        functions.entry(subject.secret.function.clone()).or_default().push((at, subject));
    }
    let mut rows = Vec::new();
    for (function, subjects) in functions {
        match account.settings(function.as_deref(), given).await {
            Ok(settings) => rows.extend(with_settings(account, &settings, subjects, bar).await),
            Err(error) => {
                rows.extend(subjects.into_iter().map(|(at, it)| (at, failed(it, &error))))
            }
        }
    }
    rows
}

async fn with_settings(
    account: &Account,
    settings: &FunctionSettings,
    subjects: Vec<(usize, Subject)>,
    bar: &ProgressBar,
) -> Vec<(usize, Row)> {
    let mut servers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (at, subject) in subjects {
        let superuser = subject.current.superuser_secret.as_ref().map(SecretId::to_string);
        let endpoint = subject.current.address.endpoint.to_string();
        servers.entry((superuser, endpoint)).or_default().push((at, subject));
    }
    let looked = stream::iter(servers.into_values())
        .map(|subjects| at_server(account, settings, subjects, bar))
        .buffer_unordered(AT_ONCE);
    looked.collect::<Vec<_>>().await.into_iter().flatten().collect()
}

async fn at_server(
    account: &Account,
    settings: &FunctionSettings,
    subjects: Vec<(usize, Subject)>,
    bar: &ProgressBar,
) -> Vec<(usize, Row)> {
    let mut session: Option<Surveying> = None;
    let mut rows = Vec::new();
    for (at, mut subject) in subjects {
        match survey(account, settings, &mut session, &subject).await {
            Ok(server) => subject.row.server = Some(server),
            // A session that broke is opened anew for the next secret.
            Err(error) => {
                subject.row.error = Some(Described::from(&error));
                session = None;
            }
        }
        bar.inc(1);
        rows.push((at, subject.row));
    }
    if let Some(session) = session {
        session.close().await;
    }
    rows
}

async fn survey(
    account: &Account,
    settings: &FunctionSettings,
    session: &mut Option<Surveying>,
    subject: &Subject,
) -> Result<OnServer, Error> {
    let aws = account.clients.for_invocation(deadline());
    let description = subject.secret.description.clone();
    let rotation = Rotation::now(&settings.config, aws, description)?;
    let surveying = match session {
        Some(surveying) => surveying,
        None => session.insert(Surveying::open(&rotation, &subject.current).await?),
    };
    let survey = surveying.survey(&rotation, &subject.current).await?;
    Ok(OnServer::new(&survey, &subject.secret))
}

fn failed(mut subject: Subject, error: &Error) -> Row {
    subject.row.error = Some(Described::from(error));
    subject.row
}
