//! OpenID Connect providers: whose tokens an account takes for roles, and for which audiences. Where
//! their keys come from and how tokens are verified is not here.
//!
//! Source: "Create an OpenID Connect (OIDC) identity provider in IAM", User Guide.

use url::Url;
use wharf_db::{Tx, statement, tx};
use wharf_policy::AccountId;

use crate::entity::{self, Entity, Kind, New};
use crate::error::quota;
use crate::{Error, Identity, Tag, limit, tag};

/// A provider as it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Provider {
    /// Its name is the URL without `https://`.
    pub entity: Entity,
    /// The audiences that tokens may be for.
    pub client_ids: Vec<String>,
    /// SHA-1 of certificates, in lower-case hexadecimal.
    pub thumbprints: Vec<String>,
}

/// What a new provider shall be.
#[derive(Clone, Debug, Default)]
pub struct NewProvider {
    /// `https://…`, as tokens have it in `iss`.
    pub url: String,
    pub client_ids: Vec<String>,
    pub thumbprints: Vec<String>,
    pub tags: Vec<Tag>,
    /// Whether the URL may name a port, which AWS does not take.
    pub port: bool,
}

statement! {
    INSERT = "INSERT INTO oidc_providers (id, client_ids, thumbprints) VALUES ($1, $2, $3)";
    FIND = "SELECT client_ids, thumbprints FROM oidc_providers WHERE id = $1";
    SET_CLIENT_IDS = "UPDATE oidc_providers SET client_ids = $2 WHERE id = $1";
    SET_THUMBPRINTS = "UPDATE oidc_providers SET thumbprints = $2 WHERE id = $1";
}

impl Provider {
    /// What tokens have in `iss`.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("https://{}", self.entity.name)
    }
}

impl Identity {
    /// Makes a provider.
    pub async fn create_provider(
        &self,
        account: &AccountId,
        new: &NewProvider,
        now: i64,
    ) -> Result<Provider, Error> {
        let name = check_url(&new.url, new.port)?.to_owned();
        let thumbprints = check_thumbprints(&new.thumbprints)?;
        let client_ids = without_doubles(&new.client_ids);
        check_client_ids(&client_ids)?;
        tag::check(Kind::Provider, &new.tags)?;
        self.check_room(account, Kind::Provider).await?;
        let entity = New { name, tags: new.tags.clone(), ..New::default() };
        tx!(self.db, |tx| {
            entity::check_free(tx, account, Kind::Provider, &entity.name).await?;
            let made = entity::insert(tx, account, Kind::Provider, &entity, None, now).await?;
            tag::set(tx, &made, &entity.tags).await?;
            tx.execute(&INSERT, (made.id.as_str(), list(&client_ids), list(&thumbprints))).await?;
            let (client_ids, thumbprints) = (client_ids.clone(), thumbprints.clone());
            Ok(Provider { entity: made, client_ids, thumbprints })
        })
    }

    /// The provider of this ARN.
    pub async fn provider(&self, account: &AccountId, arn: &str) -> Result<Provider, Error> {
        let name = own_name(account, arn)?;
        let absent = || Error::NoSuchProvider(arn.to_owned());
        self.provider_of_name(account, name).await?.ok_or_else(absent)
    }

    /// The provider of the tokens that have this in `iss`.
    pub async fn provider_of_issuer(
        &self,
        account: &AccountId,
        issuer: &str,
    ) -> Result<Option<Provider>, Error> {
        match issuer.strip_prefix("https://") {
            Some(name) => self.provider_of_name(account, name).await,
            None => Ok(None),
        }
    }

    async fn provider_of_name(
        &self,
        account: &AccountId,
        name: &str,
    ) -> Result<Option<Provider>, Error> {
        let entity = match self.entity(account, Kind::Provider, name).await {
            // The path of a URL is told apart by case.
            Ok(found) if found.name == name => found,
            Ok(_) | Err(Error::NoSuchEntity { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let lists = self.db.optional::<(String, String)>(&FIND, (entity.id.as_str(),)).await?;
        lists.map(|lists| read(entity, lists)).transpose()
    }

    /// All providers, by URL. There are at most as many as the quota says.
    pub async fn providers(&self, account: &AccountId) -> Result<Vec<Entity>, Error> {
        self.entities(account, Kind::Provider, "/", "", i64::MAX).await
    }

    /// Deletes a provider. Its tokens get no sessions any more; sessions that they got go on.
    pub async fn delete_provider(&self, account: &AccountId, arn: &str) -> Result<(), Error> {
        let name = own_name(account, arn)?;
        tx!(self.db, |tx| {
            self.changes(tx);
            let found = entity::find_any(tx, account, Kind::Provider, name).await?;
            let found = found.filter(|found| found.name == name);
            let found = found.ok_or_else(|| Error::NoProviderToDelete(arn.to_owned()))?;
            entity::delete(tx, &found.id).await
        })
    }

    /// Puts these thumbprints in the place of all that are there.
    pub async fn set_thumbprints(
        &self,
        account: &AccountId,
        arn: &str,
        thumbprints: &[String],
    ) -> Result<(), Error> {
        let name = own_name(account, arn)?;
        let thumbprints = list(&check_thumbprints(thumbprints)?);
        tx!(self.db, |tx| {
            let found = find(tx, account, arn, name).await?;
            tx.execute(&SET_THUMBPRINTS, (found.entity.id.as_str(), thumbprints.as_str())).await?;
            Ok(())
        })
    }

    /// Adds an audience; one that is there stays.
    pub async fn add_client_id(
        &self,
        account: &AccountId,
        arn: &str,
        client_id: &str,
    ) -> Result<(), Error> {
        let name = own_name(account, arn)?;
        tx!(self.db, |tx| {
            let mut found = find(tx, account, arn, name).await?;
            if found.client_ids.iter().any(|present| present == client_id) {
                return Ok(());
            }
            found.client_ids.push(client_id.to_owned());
            check_client_ids(&found.client_ids)?;
            set_client_ids(tx, &found).await
        })
    }

    /// Takes an audience away; one that is not there is none to take.
    pub async fn remove_client_id(
        &self,
        account: &AccountId,
        arn: &str,
        client_id: &str,
    ) -> Result<(), Error> {
        let name = own_name(account, arn)?;
        tx!(self.db, |tx| {
            let mut found = find(tx, account, arn, name).await?;
            found.client_ids.retain(|present| present != client_id);
            set_client_ids(tx, &found).await
        })
    }
}

async fn find(tx: &mut Tx, account: &AccountId, arn: &str, name: &str) -> Result<Provider, Error> {
    let absent = || Error::NoSuchProvider(arn.to_owned());
    let found = entity::find_any(tx, account, Kind::Provider, name).await?;
    let entity = found.filter(|found| found.name == name).ok_or_else(absent)?;
    let lists = tx.optional::<(String, String)>(&FIND, (entity.id.as_str(),)).await?;
    read(entity, lists.ok_or_else(absent)?)
}

async fn set_client_ids(tx: &mut Tx, provider: &Provider) -> Result<(), Error> {
    let values = (provider.entity.id.as_str(), list(&provider.client_ids));
    tx.execute(&SET_CLIENT_IDS, values).await?;
    Ok(())
}

fn read(entity: Entity, (client_ids, thumbprints): (String, String)) -> Result<Provider, Error> {
    let parse = |text: &str| {
        let damaged = |error| Error::Damaged(format!("a list of a provider: {error}"));
        serde_json::from_str::<Vec<String>>(text).map_err(damaged)
    };
    Ok(Provider { entity, client_ids: parse(&client_ids)?, thumbprints: parse(&thumbprints)? })
}

fn list(items: &[String]) -> String {
    serde_json::to_string(items).expect("a list of strings is JSON")
}

/// The URL in the ARN of a provider of this account.
fn own_name<'a>(account: &AccountId, arn: &'a str) -> Result<&'a str, Error> {
    match entity::parse_arn(arn) {
        Some((own, Kind::Provider, _, name)) if own == *account => Ok(name),
        Some(_) => Err(Error::NoSuchProvider(arn.to_owned())),
        None => Err(Error::InvalidInput(format!("Invalid ARN: {arn}"))),
    }
}

/// The URL without its scheme: HTTPS, a host, perhaps a path, and nothing else.
fn check_url(text: &str, port: bool) -> Result<&str, Error> {
    const SENTENCE: &str = "Invalid Open ID Connect Provider URL";
    if !text.contains("://") {
        return Err(Error::Validation(SENTENCE.to_owned()));
    }
    let Some(name) = text.strip_prefix("https://") else {
        let sentence = format!("{SENTENCE}. The URL must begin with https://.");
        return Err(Error::InvalidInput(sentence));
    };
    let valid = Url::parse(text).is_ok_and(|url| {
        url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.password().is_none()
            && (port || !has_port(name))
            && !name.contains(['?', '#', '@', '\\'])
            && name.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
    });
    if valid { Ok(name) } else { Err(Error::InvalidInput(format!("{SENTENCE}."))) }
}

/// Even the default one. The colons of an address of IPv6 are within brackets.
fn has_port(name: &str) -> bool {
    let host = name.split('/').next().unwrap_or_default();
    host.rsplit(']').next().is_some_and(|rest| rest.contains(':'))
}

fn check_thumbprints(thumbprints: &[String]) -> Result<Vec<String>, Error> {
    if thumbprints.len() > limit::THUMBPRINTS {
        let sentence =
            format!("Thumbprint list must contain fewer than {} entries.", limit::THUMBPRINTS);
        return Err(Error::InvalidInput(sentence));
    }
    let is_valid =
        |text: &String| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !thumbprints.iter().all(is_valid) {
        return Err(Error::InvalidInput("Thumbprint must be exactly 40 characters.".to_owned()));
    }
    let lower: Vec<String> = thumbprints.iter().map(|text| text.to_ascii_lowercase()).collect();
    Ok(without_doubles(&lower))
}

fn check_client_ids(client_ids: &[String]) -> Result<(), Error> {
    match client_ids.len() <= limit::CLIENT_IDS {
        true => Ok(()),
        false => Err(quota("ClientIdsPerOpenIdConnectProvider", limit::CLIENT_IDS)),
    }
}

fn without_doubles(items: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for item in items {
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let plain = "Invalid Open ID Connect Provider URL";
        let scheme = "Invalid Open ID Connect Provider URL. The URL must begin with https://.";
        let rest = "Invalid Open ID Connect Provider URL.";
        for (url, port, expected) in [
            ("https://token.actions.githubusercontent.com", false, Ok(())),
            ("https://oidc.eks.eu-west-1.amazonaws.com/id/ABC", false, Ok(())),
            ("https://issuer.example:8443", true, Ok(())),
            ("https://[::1]/a:b", false, Ok(())),
            ("https://[::1]:8443", false, Err(rest)),
            ("https://issuer.example:8443", false, Err(rest)),
            ("https://issuer.example:443/", false, Err(rest)),
            ("https://[2001:db8::1]", false, Ok(())),
            ("https://[2001:db8::1]:443/a", false, Err(rest)),
            ("issuer.example", false, Err(plain)),
            ("", false, Err(plain)),
            ("http://issuer.example", false, Err(scheme)),
            ("HTTPS://issuer.example", false, Err(scheme)),
            ("https://", false, Err(rest)),
            ("https://issuer.example?x=1", false, Err(rest)),
            ("https://issuer.example/#x", false, Err(rest)),
            ("https://user@issuer.example", false, Err(rest)),
            ("https://issuer.example/a b", false, Err(rest)),
        ] {
            let found = check_url(url, port).map(drop).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{url}");
        }
    }
}
