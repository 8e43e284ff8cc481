//! Repositories: made, described, deleted. A [`Repository`] in hand means that somebody was
//! allowed to reach it; see the gate in `access`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wharf_db::{Cached, statement, tx};
use wharf_oci::RepositoryName;
use wharf_policy::{Action, Caller};

use crate::mutability::{ExclusionFilter, Mode, Mutability};
use crate::{Error, Registry, RegistryId};

/// A repository that the caller may reach.
#[derive(Clone)]
pub struct Repository {
    pub(crate) row: Arc<Row>,
}

/// A repository as stored.
pub(crate) struct Row {
    pub(crate) id: Arc<str>,
    pub(crate) registry: RegistryId,
    pub(crate) name: RepositoryName,
    pub(crate) created_at: i64,
    pub(crate) mutability: Mutability,
    pub(crate) scan_on_push: bool,
    pub(crate) encryption: Encryption,
}

/// How ECR says the content is encrypted. Kept and given back; what encrypts is the operator's
/// disk or bucket.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Encryption {
    /// `AES256`, `KMS` or `KMS_DSSE`.
    pub encryption_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}

/// A tag of the repository itself, for cost and access control; not an image tag.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceTag {
    pub key: String,
    pub value: String,
}

/// What a new repository shall be.
pub struct NewRepository {
    pub name: RepositoryName,
    pub mutability: Mutability,
    pub scan_on_push: bool,
    pub encryption: Option<Encryption>,
    pub tags: Vec<ResourceTag>,
}

statement! {
    INSERT = "INSERT INTO repositories (id, account_id, region, name, created_at, tag_mutability,
                  exclusion_filters, scan_on_push, encryption_type, kms_key)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
              ON CONFLICT (account_id, region, name) DO NOTHING";
    INSERT_TAG = "INSERT INTO repository_tags (repository_id, tag_key, tag_value)
                  VALUES ($1, $2, $3)";
    FIND = "SELECT id, name, created_at, tag_mutability, exclusion_filters, scan_on_push,
                encryption_type, kms_key
            FROM repositories WHERE account_id = $1 AND region = $2 AND name = $3";
    PAGE = "SELECT id, name, created_at, tag_mutability, exclusion_filters, scan_on_push,
                encryption_type, kms_key
            FROM repositories WHERE account_id = $1 AND region = $2 AND name > $3
            ORDER BY name LIMIT $4";
    NAMES = "SELECT name FROM repositories WHERE account_id = $1 AND region = $2 AND name > $3
             ORDER BY name LIMIT $4";
    HOLDS_IMAGES = "SELECT digest FROM images WHERE repository_id = $1 LIMIT 1";
    DELETE = "DELETE FROM repositories WHERE id = $1";
}

impl Repository {
    /// The registry it is in.
    #[must_use]
    pub fn registry(&self) -> &RegistryId {
        &self.row.registry
    }

    #[must_use]
    pub fn name(&self) -> &RepositoryName {
        &self.row.name
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn created_at(&self) -> i64 {
        self.row.created_at
    }

    #[must_use]
    pub fn mutability(&self) -> &Mutability {
        &self.row.mutability
    }

    #[must_use]
    pub fn scan_on_push(&self) -> bool {
        self.row.scan_on_push
    }

    #[must_use]
    pub fn encryption(&self) -> &Encryption {
        &self.row.encryption
    }

    /// `arn:aws:ecr:<region>:<account>:repository/<name>`.
    #[must_use]
    pub fn arn(&self) -> String {
        self.row.registry.resource(self.row.name.as_str()).to_string()
    }

    /// The id that is never used twice, even when the name is.
    #[must_use]
    pub fn id(&self) -> &Arc<str> {
        &self.row.id
    }

    pub(crate) fn not_found(&self) -> Error {
        not_found(&self.row.registry, self.row.name.as_str())
    }
}

impl Registry {
    /// Makes a repository. Fails when there is one of this name, when the mode and the filters do
    /// not fit, and on tags that ECR refuses.
    pub async fn create_repository(
        &self,
        caller: &Caller,
        id: &RegistryId,
        new: NewRepository,
    ) -> Result<Repository, Error> {
        let resource = id.resource(new.name.as_str());
        self.authorise(caller, Action::CREATE_REPOSITORY, &resource)?;
        if !new.tags.is_empty() {
            self.authorise(caller, Action::TAG_RESOURCE, &resource)?;
        }
        check_filters(&new.mutability)?;
        check_tags(&new.tags)?;
        let row = Row {
            id: uuid::Uuid::now_v7().to_string().into(),
            registry: id.clone(),
            created_at: self.now(),
            scan_on_push: new.scan_on_push,
            encryption: settled_encryption(id, new.encryption)?,
            mutability: new.mutability,
            name: new.name,
        };
        let inserted = tx!(self.db, |tx| {
            let inserted = tx.execute(&INSERT, row.values()).await?;
            for tag in &new.tags {
                if inserted == 1 {
                    let values = (&*row.id, tag.key.as_str(), tag.value.as_str());
                    tx.execute(&INSERT_TAG, values).await?;
                }
            }
            Ok::<_, Error>(inserted)
        })?;
        if inserted == 0 {
            let account = id.account.clone();
            return Err(Error::RepositoryAlreadyExists { name: row.name, account });
        }
        Ok(Repository { row: Arc::new(row) })
    }

    /// Deletes a repository with its images; only an empty one unless `force`.
    pub async fn delete_repository(
        &self,
        repository: &Repository,
        force: bool,
    ) -> Result<(), Error> {
        let id = repository.id();
        let name = key(repository.registry(), repository.name().as_str());
        let deleted = tx!(self.db, |tx| {
            let (remembered, name) = (self.remembered.clone(), name.clone());
            tx.after_commit(move || remembered.names.advance(&name));
            self.changes(tx, id);
            if !force && tx.optional::<(String,)>(&HOLDS_IMAGES, (&**id,)).await?.is_some() {
                return Err(Error::RepositoryNotEmpty {
                    name: repository.name().clone(),
                    account: repository.registry().account.clone(),
                });
            }
            Ok(tx.execute(&DELETE, (&**id,)).await?)
        })?;
        if deleted == 0 { Err(repository.not_found()) } else { Ok(()) }
    }

    /// Up to `limit` repositories whose names follow `after`, in byte order. The caller must have
    /// been allowed to describe all repositories of the registry.
    pub async fn describe_repositories(
        &self,
        caller: &Caller,
        id: &RegistryId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Repository>, Error> {
        self.authorise_listing(caller, id)?;
        let values = (id.account.as_str(), id.region.as_str(), after, limit);
        let rows = self.db.all::<Columns>(&PAGE, values).await?;
        rows.into_iter()
            .map(|columns| Ok(Repository { row: Arc::new(Row::read(id, columns)?) }))
            .collect()
    }

    /// The names alone of up to `limit` repositories that follow `after`, in byte order.
    pub async fn repository_names(
        &self,
        caller: &Caller,
        id: &RegistryId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        self.authorise_listing(caller, id)?;
        let values = (id.account.as_str(), id.region.as_str(), after, limit);
        let rows = self.db.all::<(String,)>(&NAMES, values).await?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }

    fn authorise_listing(&self, caller: &Caller, id: &RegistryId) -> Result<(), Error> {
        let all =
            wharf_policy::Resource::AnyRepository { account: &id.account, region: &id.region };
        self.authorise(caller, Action::DESCRIBE_REPOSITORIES, &all)
    }

    pub(crate) async fn find_repository(
        &self,
        id: &RegistryId,
        name: &str,
    ) -> Result<Repository, Error> {
        let key = key(id, name);
        let epoch = self.remembered.names.current(&key).await;
        let cached = self.remembered.repositories.get(&key);
        if let Some(row) = cached.and_then(|cached| cached.fresh(epoch)) {
            return Ok(Repository { row });
        }
        let values = (id.account.as_str(), id.region.as_str(), name);
        let found = self.db.optional::<Columns>(&FIND, values).await?;
        let row = Arc::new(Row::read(id, found.ok_or_else(|| not_found(id, name))?)?);
        if let Some(epoch) = epoch {
            let cached = Cached { epoch, value: row.clone() };
            self.remembered.repositories.insert(key, cached);
        }
        Ok(Repository { row })
    }
}

type Columns = (String, String, i64, String, String, bool, String, Option<String>);

impl Row {
    fn read(registry: &RegistryId, columns: Columns) -> Result<Row, Error> {
        let (id, name, created_at, mode, filters, scan_on_push, encryption_type, kms_key) = columns;
        let damaged =
            || Error::fault(std::io::Error::other(format!("repository row {id} is damaged")));
        Ok(Row {
            registry: registry.clone(),
            name: name.parse().map_err(|_| damaged())?,
            created_at,
            mutability: Mutability {
                mode: mode.parse().map_err(|()| damaged())?,
                filters: serde_json::from_str(&filters).map_err(|_| damaged())?,
            },
            scan_on_push,
            encryption: Encryption { encryption_type, kms_key },
            id: id.into(),
        })
    }

    fn values(&self) -> impl Into<wharf_db::Params> {
        let filters = serde_json::to_string(&self.mutability.filters)
            .expect("a list of two strings each is JSON");
        (
            &*self.id,
            self.registry.account.as_str(),
            self.registry.region.as_str(),
            self.name.as_str(),
            self.created_at,
            self.mutability.mode.as_str(),
            filters,
            self.scan_on_push,
            self.encryption.encryption_type.as_str(),
            self.encryption.kms_key.as_deref(),
        )
    }
}

fn key(id: &RegistryId, name: &str) -> String {
    format!("{}/{}/{name}", id.account, id.region)
}

fn not_found(id: &RegistryId, name: &str) -> Error {
    Error::RepositoryNotFound { name: name.to_owned(), account: id.account.clone() }
}

/// The mode with exclusions needs filters, the plain modes allow none; a filter has at most two
/// stars (as Terraform and CDK hold it too).
pub fn check_filters(mutability: &Mutability) -> Result<(), Error> {
    let Mutability { mode, filters } = mutability;
    let refuse = |reason: String| {
        Err(Error::Parameter { path: "imageTagMutabilityExclusionFilters", reason })
    };
    let mode_name = mode.as_str();
    if mode.has_filters() && filters.is_empty() {
        return refuse(format!(
            "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {mode_name}"
        ));
    }
    if !mode.has_filters() && !filters.is_empty() {
        return refuse(format!(
            "ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set as {mode_name}"
        ));
    }
    let too_many_stars = |filter: &ExclusionFilter| filter.filter.matches('*').count() > 2;
    match filters.iter().find(|filter| too_many_stars(filter)) {
        Some(filter) => {
            refuse(format!("The filter '{}' has more than two wildcards", filter.filter))
        }
        None => Ok(()),
    }
}

/// At most 50 tags; keys of 1 to 128 characters, each once, not beginning with `aws:`; values of
/// up to 256.
fn check_tags(tags: &[ResourceTag]) -> Result<(), Error> {
    if tags.len() > 50 {
        return Err(Error::TooManyTags);
    }
    for (index, tag) in tags.iter().enumerate() {
        let refuse =
            |text: &str| Err(Error::InvalidTagParameter(format!("Tag key '{}' {text}", tag.key)));
        match tag.key.chars().count() {
            0 => return refuse("is empty"),
            1..=128 => {}
            _ => return refuse("is longer than 128 characters"),
        }
        if tag.value.chars().count() > 256 {
            return refuse("has a value longer than 256 characters");
        }
        if tag.key.contains('\0') || tag.value.contains('\0') {
            return refuse("or its value contains a NUL character");
        }
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return refuse("begins with 'aws:', which is reserved");
        }
        if tags[..index].iter().any(|earlier| earlier.key == tag.key) {
            return refuse("is given twice");
        }
    }
    Ok(())
}

/// The type with its key as a full ARN, as ECR prints it.
fn settled_encryption(id: &RegistryId, asked: Option<Encryption>) -> Result<Encryption, Error> {
    let Some(asked) = asked else {
        return Ok(Encryption { encryption_type: "AES256".to_owned(), kms_key: None });
    };
    let key = asked.kms_key.filter(|key| !key.is_empty());
    if asked.encryption_type == "AES256" {
        return match key {
            None => Ok(Encryption { encryption_type: asked.encryption_type, kms_key: None }),
            Some(_) => Err(Error::Parameter {
                path: "encryptionConfiguration",
                reason: "Invalid encryption configuration: Encryption key should not be set for \
                         AES256 encryption."
                    .to_owned(),
            }),
        };
    }
    let kms_key = Some(key_arn(id, key.as_deref().unwrap_or("alias/aws/ecr"))?);
    Ok(Encryption { encryption_type: asked.encryption_type, kms_key })
}

fn key_arn(id: &RegistryId, key: &str) -> Result<String, Error> {
    let RegistryId { account, region } = id;
    let well_formed = |name: &str| {
        name.strip_prefix("alias/").is_some_and(|alias| !alias.is_empty())
            || name.strip_prefix("key/").is_some_and(|id| !id.is_empty())
    };
    if let Some(rest) = key.strip_prefix("arn:") {
        let parts: Vec<&str> = rest.splitn(5, ':').collect();
        return match parts[..] {
            ["aws", "kms", there, _, name] if well_formed(name) => {
                if there == region.as_str() {
                    Ok(key.to_owned())
                } else {
                    Err(Error::Kms(format!("Invalid arn {there}")))
                }
            }
            _ => Err(Error::Kms(format!("Invalid arn {key}"))),
        };
    }
    let name = if key.starts_with("alias/") { key.to_owned() } else { format!("key/{key}") };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
    if well_formed(&name) && name.bytes().all(plain) {
        Ok(format!("arn:{}:kms:{region}:{account}:{name}", wharf_policy::PARTITION))
    } else {
        Err(Error::Kms(format!("Invalid keyId {key}")))
    }
}

/// The mode's name on the wire, for callers that only have text.
pub fn mode_named(name: &str) -> Result<Mode, Error> {
    name.parse().map_err(|()| Error::Parameter {
        path: "imageTagMutability",
        reason: "Member must satisfy enum value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, \
                 IMMUTABLE_WITH_EXCLUSION]"
            .to_owned(),
    })
}
