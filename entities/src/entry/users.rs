//! People. One human is one user, whatever the tenants (IDN-2).

use chrono::{DateTime, Utc};
use countersign_domain::{id::UserId, name};
use thiserror::Error;
use uuid::Uuid;

use super::{Entry, Session};
use crate::error::{StoreError, WriteError};

/// The longest name of a person, in characters.
pub(crate) const PERSON_NAME_MAX: usize = 254;

/// Whom the provider says has signed in, from a verified ID token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvidedIdentity {
    /// `iss`.
    pub issuer: String,
    /// `sub`: never reassigned by the issuer.
    pub subject: String,
    /// `email`.
    pub email: Option<String>,
    /// `email_verified`.
    pub email_verified: bool,
    /// `name`.
    pub name: Option<String>,
}

/// Why somebody whom the provider knows is not let in.
#[derive(Debug, Error)]
pub enum SignInError {
    /// The first sign-in is matched by e-mail, and the provider does not vouch for it.
    #[error("the provider does not vouch for the e-mail address")]
    EmailUnverified,
    /// The address belongs to somebody who signs in with another identity.
    #[error("the e-mail address belongs to another identity")]
    EmailTaken,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Entry {
    /// The user of that identity: matched by issuer and subject; on the first sign-in the user who
    /// was invited by the same, verified, address is claimed, or a new one is made.
    pub async fn sign_in_user(
        &self,
        identity: &ProvidedIdentity,
        at: DateTime<Utc>,
    ) -> Result<UserId, SignInError> {
        // A name that nobody could see is as none: it must keep nobody out.
        let name = identity.name.as_deref();
        let name = name.and_then(|name| name::checked(name, PERSON_NAME_MAX).ok());
        let session = self.begin().await?;
        let id = match known(&session, identity, name).await? {
            Some(id) => id,
            None => self.first_sign_in(&session, identity, name, at).await?,
        };
        session.commit().await?;
        Ok(UserId::new(id))
    }

    async fn first_sign_in(
        &self,
        session: &Session,
        identity: &ProvidedIdentity,
        name: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<Uuid, SignInError> {
        let email = identity
            .email
            .as_deref()
            .map(|email| email.trim().to_lowercase());
        let email = email
            .filter(|_| identity.email_verified)
            .ok_or(SignInError::EmailUnverified)?;
        let id = self.user_by_email(session, &email, name, at).await?;
        let claimed = session
            .execute(
                "UPDATE countersign.users SET issuer = $2, subject = $3, name = coalesce($4, name) \
                 WHERE id = $1 AND subject IS NULL",
                [
                    id.into(),
                    identity.issuer.clone().into(),
                    identity.subject.clone().into(),
                    name.into(),
                ],
            )
            .await
            .map_err(StoreError::from)?;
        if claimed == 1 {
            return Ok(id);
        }
        // Of two first sign-ins of one person the other one may have claimed it meanwhile.
        let known = known(session, identity, name).await?;
        known.ok_or(SignInError::EmailTaken)
    }

    /// The user of that address, in lower case, made if there is none.
    async fn user_by_email(
        &self,
        session: &Session,
        email: &str,
        name: Option<&str>,
        at: DateTime<Utc>,
    ) -> Result<Uuid, StoreError> {
        let inserted = session.execute(
            "INSERT INTO countersign.users (id, email, name, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (email) DO NOTHING",
            [
                self.0.ids.uuid().into(),
                email.into(),
                name.unwrap_or(email).into(),
                at.into(),
            ],
        );
        inserted.await?;
        let row = session
            .row(
                "SELECT id FROM countersign.users WHERE email = $1",
                [email.into()],
            )
            .await?
            .ok_or_else(|| StoreError::inconsistent("the user who was made is not there"))?;
        Ok(row.try_get("", "id")?)
    }

    /// The user whom the operator invites by that address.
    pub(crate) async fn invite(
        &self,
        email: &str,
        name: &str,
        at: DateTime<Utc>,
    ) -> Result<UserId, WriteError> {
        let session = self.begin().await?;
        let email = email.trim().to_lowercase();
        let id = self.user_by_email(&session, &email, Some(name), at).await?;
        session.commit().await?;
        Ok(UserId::new(id))
    }
}

async fn known(
    session: &Session,
    identity: &ProvidedIdentity,
    name: Option<&str>,
) -> Result<Option<Uuid>, StoreError> {
    let row = session
        .row(
            "UPDATE countersign.users SET name = coalesce($3, name) \
             WHERE issuer = $1 AND subject = $2 RETURNING id",
            [
                identity.issuer.clone().into(),
                identity.subject.clone().into(),
                name.into(),
            ],
        )
        .await?;
    Ok(row.map(|row| row.try_get("", "id")).transpose()?)
}
