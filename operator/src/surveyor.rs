//! Looks at the two users of a secret on their server, with the function's own library.

use rotation::aws::StagingLabel;
use rotation::error::Error;
use rotation::step::Rotation;
use rotation::step::survey::{Survey, Surveying};

use crate::account::{Account, FunctionSettings, deadline};
use crate::arguments::Settings;
use crate::secret::Secret;

/// What is needed to look at a secret's users.
pub(crate) struct Surveyor<'a> {
    account: &'a Account,
    secret: &'a Secret,
    /// The function's settings.
    pub(crate) settings: FunctionSettings,
}

impl<'a> Surveyor<'a> {
    pub(crate) async fn of(
        account: &'a Account,
        secret: &'a Secret,
        given: &Settings,
    ) -> Result<Self, Error> {
        let settings = account.settings(secret.function.as_deref(), given).await?;
        Ok(Self { account, secret, settings })
    }

    /// The rotation that would come now, or that has not ended.
    pub(crate) fn rotation(&self) -> Result<Rotation<'_>, Error> {
        let description = self.secret.description.clone();
        Rotation::now(
            &self.settings.config,
            self.account.clients.for_invocation(deadline()),
            description,
        )
    }

    /// Looks at the users, in a session of its own.
    pub(crate) async fn survey(&self) -> Result<Survey, Error> {
        self.survey_from(StagingLabel::Current).await
    }

    /// Looks at them as they are seen from the user that the version with this label names.
    pub(crate) async fn survey_from(&self, label: StagingLabel) -> Result<Survey, Error> {
        let rotation = self.rotation()?;
        let current = self.account.labeled(self.secret.arn(), label).await?;
        let mut surveying = Surveying::open(&rotation, &current).await?;
        let survey = surveying.survey(&rotation, &current).await;
        surveying.close().await;
        survey
    }
}
