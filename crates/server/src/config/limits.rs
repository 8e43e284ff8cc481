//! The keys that bound what clients may store and how often they may ask: quotas and rates.

use std::num::NonZeroU32;

use wharf_api::ECR;
use wharf_identity::limit::Quotas as PrincipalQuotas;
use wharf_policy::Action;
use wharf_registry::quota::Quotas;
use wharf_registry::rate;

use super::{ConfigError, Reader};

const MIB: u64 = 1024 * 1024;

impl Reader<'_> {
    pub(super) fn quotas(&self) -> Result<Quotas, ConfigError> {
        let size = self.at_least_one("quota_layer_size")? as u64;
        Ok(Quotas {
            repositories: self.count("quota_repositories")?,
            images: self.count("quota_images")?,
            tags: self.count("quota_tags")?,
            layer_parts: self.count("quota_layer_parts")?,
            layer_size: size
                .checked_mul(MIB)
                .filter(|bytes| i64::try_from(*bytes).is_ok())
                .ok_or_else(|| self.fault("quota_layer_size", "this is too large"))?,
        })
    }

    pub(super) fn principal_quotas(&self) -> Result<PrincipalQuotas, ConfigError> {
        Ok(PrincipalQuotas {
            users: self.count("quota_users")?,
            groups: self.count("quota_groups")?,
            roles: self.count("quota_roles")?,
            policies: self.count("quota_policies")?,
            providers: self.count("quota_oidc_providers")?,
        })
    }

    fn count(&self, name: &str) -> Result<i64, ConfigError> {
        let count = self.at_least_one(name)?;
        i64::try_from(count).map_err(|_| self.fault(name, "this is too large"))
    }

    /// `ecr` stands for ECR's own rates; what is named after it replaces one of them.
    pub(super) fn rates(&self) -> Result<Vec<(Action, NonZeroU32)>, ConfigError> {
        let mut rates: Vec<(Action, NonZeroU32)> = Vec::new();
        let items = self.text("rate_limits").split(',').map(str::trim);
        for item in items.filter(|item| !item.is_empty()) {
            let named = match item {
                "ecr" => rate::ECR.to_vec(),
                item => vec![self.rate(item)?],
            };
            for (action, rate) in named {
                rates.retain(|(earlier, _)| *earlier != action);
                rates.push((action, rate));
            }
        }
        Ok(rates)
    }

    fn rate(&self, item: &str) -> Result<(Action, NonZeroU32), ConfigError> {
        let fault = |problem: String| self.fault("rate_limits", problem);
        let (name, rate) = item.split_once('=').ok_or_else(|| {
            fault(format!("{item} is neither ecr nor a rate a second such as PutImage=10"))
        })?;
        let entry = ECR.iter().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| {
            fault(format!("{name} is no operation of ECR that is served, such as PutImage"))
        })?;
        let action = entry.action.as_str().trim_start_matches("ecr:");
        if action != name {
            return Err(fault(format!("{name} asks for {action} and counts as one: limit that")));
        }
        let rate = rate.parse().map_err(|_| {
            fault(format!("the rate of {name} is to be a whole number, 1 or more, not {rate}"))
        })?;
        Ok((entry.action, rate))
    }
}
