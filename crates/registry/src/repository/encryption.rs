//! What a repository says of its encryption: kept and given back, with the key as a full ARN.
//! Nothing is encrypted here.

use serde::{Deserialize, Serialize};

use crate::{Error, RegistryId};

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

/// The type with its key as a full ARN, as ECR prints it.
pub(super) fn settled(id: &RegistryId, asked: Option<Encryption>) -> Result<Encryption, Error> {
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
    if key.chars().any(char::is_control) {
        return Err(Error::Kms(format!("Invalid arn {}", key.escape_default())));
    }
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
