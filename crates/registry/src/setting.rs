//! Account settings: what the owner of a registry chose of it.
//!
//! Source: GetAccountSetting and PutAccountSetting, ECR API reference.

use wharf_db::{statement, tx};
use wharf_policy::{Fact, Facts, Scope};

use crate::{Error, Registry, RegistryId, policies};

/// A setting of a registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// What scans images. Clair, which ECR once offered, is not there any more.
    BasicScanTypeVersion,
    /// Whether a push may take a layer from another repository of the registry. What the operator
    /// chose by `blob_mounting` holds until somebody puts it.
    BlobMounting,
    /// Which actions the registry's policy speaks about: three (V1) or all (V2).
    RegistryPolicyScope,
}

statement! {
    FIND = "SELECT value FROM account_settings
            WHERE account_id = $1 AND region = $2 AND name = $3";
    PUT = "INSERT INTO account_settings (account_id, region, name, value) VALUES ($1, $2, $3, $4)
           ON CONFLICT (account_id, region, name) DO UPDATE SET value = excluded.value";
}

/// What conditions can ask of a request about the setting of this name: `ecr:AccountSetting`.
#[must_use]
pub fn facts(name: &str) -> Facts {
    [("ecr:AccountSetting".to_owned(), Fact::One(name.to_owned()))].into_iter().collect()
}

impl Setting {
    const ALL: [Setting; 3] =
        [Setting::BasicScanTypeVersion, Setting::BlobMounting, Setting::RegistryPolicyScope];

    /// The setting of this name.
    pub fn named(name: &str) -> Result<Setting, Error> {
        let found = Setting::ALL.into_iter().find(|setting| setting.as_str() == name);
        found.ok_or_else(|| one_of("name", &Setting::ALL.map(Setting::as_str)))
    }

    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Setting::BasicScanTypeVersion => "BASIC_SCAN_TYPE_VERSION",
            Setting::BlobMounting => "BLOB_MOUNTING",
            Setting::RegistryPolicyScope => "REGISTRY_POLICY_SCOPE",
        }
    }

    fn values(self) -> &'static [&'static str] {
        match self {
            Setting::BasicScanTypeVersion => &["AWS_NATIVE"],
            Setting::BlobMounting => &["ENABLED", "DISABLED"],
            Setting::RegistryPolicyScope => &["V1", "V2"],
        }
    }

    fn default(self, registry: &Registry) -> &'static str {
        match self {
            Setting::BasicScanTypeVersion => "AWS_NATIVE",
            Setting::BlobMounting if registry.settings.mounting => "ENABLED",
            Setting::BlobMounting => "DISABLED",
            Setting::RegistryPolicyScope => "V2",
        }
    }
}

/// The value that was put, or the default.
pub async fn get(registry: &Registry, id: &RegistryId, setting: Setting) -> Result<String, Error> {
    let values = (id.account.as_str(), id.region.as_str(), setting.as_str());
    let found = registry.db.optional::<(String,)>(&FIND, values).await?;
    Ok(found.map_or_else(|| setting.default(registry).to_owned(), |(value,)| value))
}

/// Sets it. Refuses a value that it cannot have.
pub async fn put(
    registry: &Registry,
    id: &RegistryId,
    setting: Setting,
    value: &str,
) -> Result<(), Error> {
    if !setting.values().contains(&value) {
        return Err(one_of("value", setting.values()));
    }
    tx!(registry.db, |tx| {
        policies::registry::changes(registry, tx, id);
        let values = (id.account.as_str(), id.region.as_str(), setting.as_str(), value);
        tx.execute(&PUT, values).await?;
        Ok(())
    })
}

/// The scope of the registry's policy, from what was put.
pub(crate) fn policy_scope(registry: &Registry, put: Option<&str>) -> Result<Scope, Error> {
    match put.unwrap_or_else(|| Setting::RegistryPolicyScope.default(registry)) {
        "V1" => Ok(Scope::V1),
        "V2" => Ok(Scope::V2),
        other => {
            let damaged = format!("'{other}' is no scope of a registry's policy");
            Err(Error::fault(std::io::Error::other(damaged)))
        }
    }
}

fn one_of(path: &'static str, values: &[&str]) -> Error {
    let reason = format!("Member must satisfy enum value set: [{}]", values.join(", "));
    Error::Parameter { path, reason }
}
