//! What speaks for a user or role as it is now: its tags, its policies and those of its groups, its
//! boundary; of a role its trust policy too. Read in one look, so that no call ever meets half of a
//! change, and looked up at each call, so that a change binds from the next call on.

use std::sync::Arc;

use wharf_db::{Cached, statement};
use wharf_policy::{AccountId, Caller, Document, Grammar, Managed, Policy, Principal};

use crate::entity::{self, Kind};
use crate::{Error, Identity, role, trust};

/// What speaks for a user or role.
#[derive(Debug)]
pub struct Authority {
    /// `AIDA…` or `AROA…`.
    pub id: String,
    pub account: AccountId,
    /// A user or a role.
    pub kind: Kind,
    pub name: String,
    pub arn: Arc<str>,
    pub tags: Arc<[(String, String)]>,
    /// Inline and managed policies, of a user's groups too.
    pub identity: Arc<[Arc<Policy>]>,
    pub boundary: Option<Arc<Policy>>,
    /// Of a role.
    pub trust: Option<Trust>,
}

/// Who may take a role, and for how long.
#[derive(Debug)]
pub struct Trust {
    /// Users and roles of this deployment are named by their ids.
    pub policy: Arc<Policy>,
    /// In seconds.
    pub max_session: i64,
}

/// A policy as text, and where it comes from: for simulations.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name of an inline or managed policy.
    pub name: String,
    /// Of a managed policy.
    pub arn: Option<String>,
    /// Of an inline policy: whose it is, the user or role itself or a group.
    pub holder: Option<(Kind, String)>,
    pub document: String,
}

/// All policies of a user, group or role as text.
#[derive(Clone, Debug)]
pub struct Sources {
    pub identity: Vec<Source>,
    pub boundary: Option<Source>,
}

statement! {
    DEFAULT_DOCUMENT = "SELECT v.document FROM entities e
                        JOIN managed_policies p ON p.id = e.id
                        JOIN policy_versions v
                            ON v.policy_id = p.id AND v.version = p.default_version
                        WHERE e.account_id = $1 AND e.kind = 'policy' AND e.name_key = $2
                            AND e.name = $3 AND e.path = $4";
    // Everything about one entity; what the columns hold is up to the first. Groups count for their
    // members.
    LOOK = "WITH holders AS (
                SELECT id, kind, name FROM entities WHERE id = $1
                UNION ALL
                SELECT g.id, g.kind, g.name FROM group_members m JOIN entities g ON g.id = m.group_id
                WHERE m.user_id = $1)
            SELECT 'entity', kind, account_id, name, path FROM entities WHERE id = $1
            UNION ALL
            SELECT 'tag', tag_key, tag_value, NULL, NULL FROM entity_tags WHERE entity_id = $1
            UNION ALL
            SELECT 'boundary', e.boundary, v.document, NULL, NULL
            FROM entities e
            LEFT JOIN managed_policies p ON p.id = e.boundary_id
            LEFT JOIN policy_versions v ON v.policy_id = p.id AND v.version = p.default_version
            WHERE e.id = $1 AND e.boundary IS NOT NULL
            UNION ALL
            SELECT 'trust', trust_policy, trust_ids, CAST(max_session_seconds AS ctext), NULL
            FROM roles WHERE id = $1
            UNION ALL
            SELECT 'inline', i.name, i.document, h.kind, h.name
            FROM holders h JOIN inline_policies i ON i.entity_id = h.id
            UNION ALL
            SELECT 'managed', a.policy_arn, v.document, NULL, NULL
            FROM (SELECT DISTINCT a.policy_arn, a.policy_id
                  FROM holders h JOIN attached_policies a ON a.entity_id = h.id) a
            LEFT JOIN managed_policies p ON p.id = a.policy_id
            LEFT JOIN policy_versions v ON v.policy_id = p.id AND v.version = p.default_version";
}

type Row = (String, Option<String>, Option<String>, Option<String>, Option<String>);

/// The rows of one look, told apart.
#[derive(Default)]
struct Look {
    entity: Option<(String, String, String, String)>,
    tags: Vec<(String, String)>,
    identity: Vec<Source>,
    boundary: Option<Source>,
    trust: Option<(String, String, i64)>,
}

impl Identity {
    /// What speaks for the user or role with this id now; None once it is deleted.
    ///
    /// # Errors
    /// If a stored policy cannot be read: it never counts as none.
    pub async fn authority(&self, id: &str) -> Result<Option<Arc<Authority>>, Error> {
        let epoch = self.epochs.current(id).await;
        if let Some(found) = self.authorities.get(id).and_then(|cached| cached.fresh(epoch)) {
            return Ok(Some(found));
        }
        let found = match self.look(id).await? {
            Some(look) => Some(Arc::new(self.compiled(id, look)?)),
            None => None,
        };
        if let (Some(epoch), Some(found)) = (epoch, &found) {
            let cached = Cached { epoch, value: found.clone() };
            self.authorities.insert(id.to_owned(), cached);
        }
        Ok(found)
    }

    /// The role that this ARN names, whose path counts; None if there is none, or if it is no ARN of
    /// a role.
    pub async fn role_of_arn(&self, arn: &str) -> Result<Option<Arc<Authority>>, Error> {
        let Some((account, Kind::Role, _, name)) = entity::parse_arn(arn) else {
            return Ok(None);
        };
        let role = match self.entity(&account, Kind::Role, name).await {
            Ok(role) => role,
            Err(Error::NoSuchEntity { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = self.authority(&role.id).await?;
        Ok(found.filter(|role| *role.arn == *arn))
    }

    /// All policies of the user, group or role with this id, those of a user's groups among them;
    /// None once it is deleted.
    pub async fn policy_sources(&self, id: &str) -> Result<Option<Sources>, Error> {
        let look = self.look(id).await?;
        Ok(look.map(|look| Sources { identity: look.identity, boundary: look.boundary }))
    }

    /// The managed policy of this ARN as it counts now, one of the account's or of AWS's; None if
    /// there is none.
    pub async fn managed_policy(
        &self,
        account: &AccountId,
        arn: &str,
    ) -> Result<Option<Arc<Policy>>, Error> {
        if let Some(policy) = Managed::policy(arn) {
            return Ok(Some(policy));
        }
        let Some((own, Kind::Policy, path, name)) = entity::parse_arn(arn) else {
            return Ok(None);
        };
        if own != *account {
            return Ok(None);
        }
        let values = (account.as_str(), entity::fold(name), name, path);
        match self.db.optional::<(String,)>(&DEFAULT_DOCUMENT, values).await? {
            Some((text,)) => Ok(Some(self.compile(&managed_source(arn.to_owned(), text))?)),
            None => Ok(None),
        }
    }

    async fn look(&self, id: &str) -> Result<Option<Look>, Error> {
        let mut look = Look::default();
        for row in self.db.all::<Row>(&LOOK, (id,)).await? {
            look.take(row)?;
        }
        Ok(look.entity.is_some().then_some(look))
    }

    fn compiled(&self, id: &str, look: Look) -> Result<Authority, Error> {
        let (kind, account, name, path) =
            look.entity.ok_or_else(|| Error::Damaged(format!("no entity {id}")))?;
        let (kind, account) = (Kind::read(&kind)?, entity::account_of(&account)?);
        let identity: Result<Vec<_>, _> =
            look.identity.iter().map(|source| self.compile(source)).collect();
        let trust = look.trust.map(|(text, ids, max_session)| {
            let policy = self.compile_trust(&name, &text, &ids)?;
            Ok::<_, Error>(Trust { policy, max_session })
        });
        Ok(Authority {
            arn: entity::arn(&account, kind, &path, &name).into(),
            id: id.to_owned(),
            account,
            kind,
            tags: look.tags.into(),
            identity: identity?.into(),
            boundary: look.boundary.map(|source| self.compile(&source)).transpose()?,
            trust: trust.transpose()?,
            name,
        })
    }

    /// Compiles a policy, or finds it compiled: what its text says never changes.
    pub(crate) fn compile(&self, source: &Source) -> Result<Arc<Policy>, Error> {
        if let Some(policy) = source.arn.as_deref().and_then(Managed::policy) {
            return Ok(policy);
        }
        let arn = source.arn.as_deref();
        let key = [arn.unwrap_or_default(), &source.name, &source.document].join("\n");
        if let Some(policy) = self.compiled.get(&key) {
            return Ok(policy);
        }
        let document =
            Document::parse(&source.document, Grammar::Identity).map_err(trust::damaged)?;
        let policy = Policy::new(&document, Grammar::Identity, &source.name);
        let policy = Arc::new(match arn {
            Some(arn) => policy.with_arn(arn),
            None => policy,
        });
        self.compiled.insert(key, policy.clone());
        Ok(policy)
    }

    fn compile_trust(&self, role: &str, text: &str, ids: &str) -> Result<Arc<Policy>, Error> {
        let key = ["trust", role, ids, text].join("\n");
        if let Some(policy) = self.compiled.get(&key) {
            return Ok(policy);
        }
        let mut document = Document::parse(text, Grammar::Trust).map_err(trust::damaged)?;
        trust::rename(&mut document, &role::read_ids(ids)?);
        let policy = Arc::new(Policy::new(&document, Grammar::Trust, role));
        self.compiled.insert(key, policy.clone());
        Ok(policy)
    }
}

impl Authority {
    /// The user as the holder of an access key.
    pub(crate) fn principal(&self, access_key_id: &str) -> Principal {
        self.with_caller(Caller::user(self.account.clone(), &self.arn, &self.id, access_key_id))
    }

    /// A caller that has these tags and policies.
    pub(crate) fn with_caller(&self, caller: Caller) -> Principal {
        Principal {
            caller: Arc::new(Caller { tags: self.tags.clone(), ..caller }),
            identity: self.identity.clone(),
            boundary: self.boundary.clone(),
            session: None,
            token: None,
        }
    }
}

impl Look {
    fn take(&mut self, (part, one, two, three, four): Row) -> Result<(), Error> {
        let missing = || Error::Damaged(format!("a {part} without all its columns"));
        let wanted = |text: Option<String>| text.ok_or_else(missing);
        match part.as_str() {
            "entity" => {
                self.entity = Some((wanted(one)?, wanted(two)?, wanted(three)?, wanted(four)?));
            }
            "tag" => self.tags.push((wanted(one)?, wanted(two)?)),
            "inline" => self.identity.push(Source {
                name: wanted(one)?,
                arn: None,
                document: wanted(two)?,
                holder: Some((Kind::read(&wanted(three)?)?, wanted(four)?)),
            }),
            "managed" => self.identity.push(managed(wanted(one)?, two)?),
            "boundary" => self.boundary = Some(managed(wanted(one)?, two)?),
            "trust" => {
                let seconds = wanted(three)?.parse().map_err(|_| missing())?;
                self.trust = Some((wanted(one)?, wanted(two)?, seconds));
            }
            _ => return Err(missing()),
        }
        Ok(())
    }
}

/// A managed policy with its document, which is in the program if it is AWS's. One that is nowhere
/// may have denied, or bounded, everything.
fn managed(arn: String, document: Option<String>) -> Result<Source, Error> {
    let document = document.or_else(|| Managed::find(&arn).map(|aws| aws.text.to_owned()));
    match document {
        Some(document) => Ok(managed_source(arn, document)),
        None => Err(Error::Damaged(format!("the policy {arn} is attached and not there"))),
    }
}

fn managed_source(arn: String, document: String) -> Source {
    let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
    Source { name, arn: Some(arn), holder: None, document }
}
