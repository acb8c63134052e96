//! Whose account it is that an identity provider vouches for.
//!
//! A provider's name for a person (`sub`) leads to a user once and for good. The first time it is the user whose id is their email address, if the
//! provider has verified it and its domain is let in; where there is none, one is made if that was allowed.

use creel_records::{NewUser, RecordsError, UserRecord};
use creel_session::UserId;

use super::id_token::Subject;
use super::{OidcError, OidcSettings};
use crate::state::Backend;
use crate::users;

pub async fn user_of(backend: &Backend, settings: &OidcSettings, subject: Subject) -> Result<UserRecord, OidcError> {
    let records = &backend.records;
    // Also whoever was here before: who has left the company has no address of it any more.
    let email = allowed(settings, &subject)?;
    if let Some(user) = records.user_of_subject(&subject.issuer, &subject.id).await? {
        return Ok(user);
    }
    let id = UserId::new(&email).map_err(|_| OidcError::Refused("the email address is no id of a user"))?;
    let user = match records.user(id.as_str()).await? {
        Some(user) => user,
        None if settings.create_users => created(backend, &id, subject.name.as_deref()).await?,
        None => return Err(OidcError::Refused("there is no such user, and none is made")),
    };
    match records.link_subject(&subject.issuer, &subject.id, &user.id).await {
        Ok(()) => Ok(user),
        // The user is somebody else's at this provider: an address that was given to another person.
        Err(RecordsError::Taken { .. }) => {
            Err(OidcError::Refused("the user belongs to another person at the provider"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The address, if its domain is let in.
fn allowed(settings: &OidcSettings, subject: &Subject) -> Result<String, OidcError> {
    let email = subject.email.as_deref();
    let email = email.ok_or(OidcError::Refused("the provider has not verified an email address"))?;
    let email = email.to_lowercase();
    let is_let_in = email
        .rsplit_once('@')
        .is_some_and(|(name, domain)| !name.is_empty() && settings.email_domains.iter().any(|one| one == domain));
    is_let_in
        .then_some(email)
        .ok_or(OidcError::Refused("the email address is of another domain"))
}

async fn created(backend: &Backend, id: &UserId, name: Option<&str>) -> Result<UserRecord, OidcError> {
    let new = NewUser {
        id: id.as_str().to_owned(),
        name: name.and_then(|name| users::parse_name(name).ok()).unwrap_or_default(),
        password_phc: None,
        config: "{}".to_owned(),
    };
    let user = match backend.records.insert_user(&new).await {
        Err(RecordsError::Taken { .. }) => backend.records.user(id.as_str()).await?,
        made => Some(made?),
    };
    let message = format!("user {id} made at their first sign-in");
    users::happened(
        backend,
        &super::super::guard::actor(id.as_str()),
        "user.created",
        id.as_str(),
        message,
    )
    .await;
    user.ok_or(OidcError::Refused("the user was removed this moment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn let_in(email: Option<&str>) -> Option<String> {
        let settings = OidcSettings {
            name: String::new(),
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            redirect_url: String::new(),
            email_domains: vec!["example.com".to_owned()],
            create_users: false,
        };
        let subject = Subject {
            issuer: String::new(),
            id: "1".to_owned(),
            email: email.map(str::to_owned),
            name: None,
        };
        allowed(&settings, &subject).ok()
    }

    #[test]
    fn only_a_verified_address_of_the_domain_is_let_in() {
        assert_eq!(let_in(Some("Ann@Example.com")).as_deref(), Some("ann@example.com"));
        for refused in [
            None,
            Some("ann@example.org"),
            Some("ann@x.example.com"),
            Some("@example.com"),
            Some("example.com"),
        ] {
            assert_eq!(let_in(refused), None, "{refused:?}");
        }
    }
}
