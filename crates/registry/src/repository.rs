//! Repositories: made, described, deleted. A [`Repository`] in hand means that somebody was
//! allowed to reach it; see the gate in `access`.

mod encryption;
pub mod resource_tags;

use std::sync::Arc;

pub use encryption::Encryption;
pub use resource_tags::ResourceTag;
use wharf_db::{Cached, Tx, statement, tx};
use wharf_oci::RepositoryName;
use wharf_policy::{Action, Grammar, Requester};

use crate::mutability::Mutability;
use crate::policies::Kept;
use crate::{Ask, Error, Registry, RegistryId, quota};

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

/// A repository with what the gate needs to know of it.
pub(crate) struct Known {
    pub(crate) row: Arc<Row>,
    pub(crate) tags: Vec<ResourceTag>,
    pub(crate) policy: Kept,
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
    IS_THERE = "SELECT id FROM repositories WHERE account_id = $1 AND region = $2 AND name = $3";
    FIND = "SELECT r.id, r.name, r.created_at, r.tag_mutability, r.exclusion_filters,
                r.scan_on_push, r.encryption_type, r.kms_key, p.document
            FROM repositories r LEFT JOIN repository_policies p ON p.repository_id = r.id
            WHERE r.account_id = $1 AND r.region = $2 AND r.name = $3";
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

    /// What a write into the repository failed with; that it was deleted meanwhile, if a foreign
    /// key says so.
    pub(crate) fn gone_if_unlinked(&self, error: Error) -> Error {
        match error {
            Error::Fault(source)
                if source
                    .downcast_ref::<wharf_db::Error>()
                    .is_some_and(wharf_db::Error::is_foreign_key_violation) =>
            {
                self.not_found()
            }
            other => other,
        }
    }
}

impl Registry {
    /// Makes a repository. Fails when there is one of this name, when the registry has its most,
    /// and on tags that ECR refuses.
    pub async fn create_repository(
        &self,
        requester: &Requester,
        id: &RegistryId,
        new: NewRepository,
    ) -> Result<Repository, Error> {
        let resource = id.resource(new.name.as_str());
        let facts = [resource_tags::facts(&new.tags)];
        let create = Ask { requester, action: Action::CREATE_REPOSITORY, facts: &facts };
        self.authorise(create, id, resource).await?;
        if !new.tags.is_empty() {
            let tag = Ask { action: Action::TAG_RESOURCE, ..create };
            self.authorise(tag, id, resource).await?;
        }
        resource_tags::check(&new.tags)?;
        let row = Row {
            id: uuid::Uuid::now_v7().to_string().into(),
            registry: id.clone(),
            created_at: self.now(),
            scan_on_push: new.scan_on_push,
            encryption: encryption::settled(id, new.encryption)?,
            mutability: new.mutability,
            name: new.name,
        };
        let inserted = tx!(self.db, |tx| {
            // Before anything is written, so that a refusal leaves nothing to take back.
            let values = (id.account.as_str(), id.region.as_str(), row.name.as_str());
            if tx.optional::<(String,)>(&IS_THERE, values).await?.is_some() {
                return Ok(0);
            }
            quota::check_repositories(self, tx, id).await?;
            let inserted = tx.execute(&INSERT, row.values()).await?;
            if inserted == 1 {
                resource_tags::insert(tx, &row.id, &new.tags).await?;
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
        let deleted = tx!(self.db, |tx| {
            self.changes_repository(tx, repository);
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
        requester: &Requester,
        id: &RegistryId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Repository>, Error> {
        self.authorise_listing(requester, id).await?;
        let values = (id.account.as_str(), id.region.as_str(), after, limit);
        let rows = self.db.all::<Columns>(&PAGE, values).await?;
        rows.into_iter()
            .map(|columns| Ok(Repository { row: Arc::new(Row::read(id, columns)?) }))
            .collect()
    }

    /// The names alone of up to `limit` repositories that follow `after`, in byte order.
    pub async fn repository_names(
        &self,
        requester: &Requester,
        id: &RegistryId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        self.authorise_listing(requester, id).await?;
        let values = (id.account.as_str(), id.region.as_str(), after, limit);
        let rows = self.db.all::<(String,)>(&NAMES, values).await?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }

    /// Makes what is remembered of the repository itself stale once `tx` is committed.
    pub(crate) fn changes_repository(&self, tx: &mut Tx, repository: &Repository) {
        let name = key(repository.registry(), repository.name().as_str());
        let remembered = self.remembered.clone();
        tx.after_commit(move || remembered.names.advance(&name));
    }

    async fn authorise_listing(&self, requester: &Requester, id: &RegistryId) -> Result<(), Error> {
        let all =
            wharf_policy::Resource::AnyRepository { account: &id.account, region: &id.region };
        let ask = Ask { requester, action: Action::DESCRIBE_REPOSITORIES, facts: &[] };
        self.authorise(ask, id, all).await
    }

    /// The repository of this name, for the gate alone.
    pub(crate) async fn find_repository(
        &self,
        id: &RegistryId,
        name: &str,
    ) -> Result<Option<Arc<Known>>, Error> {
        let key = key(id, name);
        let epoch = self.remembered.names.current(&key).await;
        let cached = self.remembered.repositories.get(&key);
        if let Some(known) = cached.and_then(|cached| cached.fresh(epoch)) {
            return Ok(Some(known));
        }
        let values = (id.account.as_str(), id.region.as_str(), name);
        let Some(columns) = self.db.optional(&FIND, values).await? else { return Ok(None) };
        let (repository, policy) = read_found(id, columns)?;
        let policy = self.compiled(policy, Grammar::Repository, repository.name().as_str());
        let tags = resource_tags::list(self, &repository).await?;
        let known = Arc::new(Known { row: repository.row, tags, policy });
        if let Some(epoch) = epoch {
            let cached = Cached { epoch, value: known.clone() };
            self.remembered.repositories.insert(key, cached);
        }
        Ok(Some(known))
    }
}

impl Known {
    pub(crate) fn repository(&self) -> Repository {
        Repository { row: self.row.clone() }
    }
}

type Columns = (String, String, i64, String, String, bool, String, Option<String>);

/// Those of the row, and the repository's policy.
type FoundColumns =
    (String, String, i64, String, String, bool, String, Option<String>, Option<String>);

/// The repository, and the text of its policy.
fn read_found(
    id: &RegistryId,
    columns: FoundColumns,
) -> Result<(Repository, Option<String>), Error> {
    let (row_id, name, created_at, mode, filters, scan, encryption, key, policy) = columns;
    let columns = (row_id, name, created_at, mode, filters, scan, encryption, key);
    Ok((Repository { row: Arc::new(Row::read(id, columns)?) }, policy))
}

impl Row {
    fn read(registry: &RegistryId, columns: Columns) -> Result<Row, Error> {
        let (id, name, created_at, mode, filters, scan_on_push, encryption_type, kms_key) = columns;
        let damaged =
            || Error::fault(std::io::Error::other(format!("repository row {id} is damaged")));
        Ok(Row {
            registry: registry.clone(),
            name: name.parse().map_err(|_| damaged())?,
            created_at,
            mutability: Mutability::stored(&mode, &filters).map_err(|_| damaged())?,
            scan_on_push,
            encryption: Encryption { encryption_type, kms_key },
            id: id.into(),
        })
    }

    fn values(&self) -> impl Into<wharf_db::Params> {
        (
            &*self.id,
            self.registry.account.as_str(),
            self.registry.region.as_str(),
            self.name.as_str(),
            self.created_at,
            self.mutability.mode.as_str(),
            self.mutability.filters_text(),
            self.scan_on_push,
            self.encryption.encryption_type.as_str(),
            self.encryption.kms_key.as_deref(),
        )
    }
}

fn key(id: &RegistryId, name: &str) -> String {
    format!("{}/{}/{name}", id.account, id.region)
}

pub(crate) fn not_found(id: &RegistryId, name: &str) -> Error {
    Error::RepositoryNotFound { name: name.to_owned(), account: id.account.clone() }
}
