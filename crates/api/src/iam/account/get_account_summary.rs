//! GetAccountSummary: how much the account has of what, and how much of it there may be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wharf_identity::{Kind, Owner, limit};
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
pub struct GetAccountSummary {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    summary_map: BTreeMap<&'static str, i64>,
}

impl Operation for GetAccountSummary {
    const NAME: &'static str = "GetAccountSummary";
    const ACTION: Action = Action::new("iam:GetAccountSummary");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let (identity, account) = (call.identity(), call.account());
        let root_keys = identity.keys(Owner { account, user: None }).await?.len();
        let mut summary_map: BTreeMap<&str, i64> =
            enforced(identity.quotas()).into_iter().collect();
        for (name, kind) in KINDS {
            summary_map.insert(name, identity.count_entities(account, kind).await?);
        }
        summary_map.insert("PolicyVersionsInUse", identity.count_versions(account).await?);
        summary_map.insert("AccountAccessKeysPresent", i64::from(root_keys > 0));
        Ok(Output { summary_map })
    }
}

const KINDS: [(&str, Kind); 5] = [
    ("Users", Kind::User),
    ("Groups", Kind::Group),
    ("Roles", Kind::Role),
    ("Policies", Kind::Policy),
    ("Providers", Kind::Provider),
];

/// What is enforced here; zero for what Wharf does not have.
fn enforced(quotas: &limit::Quotas) -> [(&'static str, i64); 27] {
    let length = |characters: usize| i64::try_from(characters).unwrap_or(i64::MAX);
    let inline = |kind| length(limit::inline_characters(kind));
    [
        ("UsersQuota", quotas.users),
        ("GroupsQuota", quotas.groups),
        ("RolesQuota", quotas.roles),
        ("PoliciesQuota", quotas.policies),
        ("PolicyVersionsInUseQuota", quotas.policies.saturating_mul(limit::POLICY_VERSIONS)),
        ("PolicySizeQuota", length(limit::POLICY_CHARACTERS)),
        ("UserPolicySizeQuota", inline(Kind::User)),
        ("GroupPolicySizeQuota", inline(Kind::Group)),
        ("RolePolicySizeQuota", inline(Kind::Role)),
        ("AssumeRolePolicySizeQuota", length(limit::TRUST_CHARACTERS)),
        ("VersionsPerPolicyQuota", limit::POLICY_VERSIONS),
        ("AccessKeysPerUserQuota", limit::ACCESS_KEYS),
        ("GroupsPerUserQuota", limit::GROUPS_OF_USER),
        ("AttachedPoliciesPerUserQuota", limit::ATTACHED_POLICIES),
        ("AttachedPoliciesPerRoleQuota", limit::ATTACHED_POLICIES),
        ("AttachedPoliciesPerGroupQuota", limit::ATTACHED_POLICIES),
        ("MFADevices", 0),
        ("MFADevicesInUse", 0),
        ("AccountMFAEnabled", 0),
        ("AccountPasswordPresent", 0),
        ("AccountSigningCertificatesPresent", 0),
        ("SigningCertificatesPerUserQuota", 0),
        ("ServerCertificates", 0),
        ("ServerCertificatesQuota", 0),
        ("InstanceProfiles", 0),
        ("InstanceProfilesQuota", 0),
        // Tokens of sessions are good in all Regions.
        ("GlobalEndpointTokenVersion", 2),
    ]
}
