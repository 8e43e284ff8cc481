//! What a verified token claims: held against the clock and the provider, and told to conditions.

use serde_json::{Map, Value};
use wharf_policy::Fact;

use super::WebIdentityFault;
use crate::Provider;

/// How far ahead of ours the issuer's clock may be, in seconds.
const SKEW: f64 = 300.0;
/// The claim that sets session tags.
const TAGS: &str = "https://aws.amazon.com/tags";
/// The claim that sets the source identity.
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";
/// Names that keys of other services begin with; a provider called so tells conditions nothing.
const RESERVED: [&str; 5] = ["aws", "ecr", "iam", "saml", "sts"];

/// The claims of a token that is good.
#[derive(Debug)]
pub struct Claims {
    pub subject: String,
    /// The audience that the provider has registered.
    pub audience: String,
    /// Session tags that the issuer sets.
    pub tags: Vec<(String, String)>,
    /// The keys of those that go on to the next role.
    pub transitive: Vec<String>,
    pub source_identity: Option<String>,
    all: Map<String, Value>,
    /// What precedes the colon in the names of keys: the issuer without `https://`.
    prefix: String,
}

impl Claims {
    /// Checks the claims at `now`, in seconds since 1970.
    pub(super) fn read(
        all: Map<String, Value>,
        provider: &Provider,
        now: i64,
    ) -> Result<Claims, WebIdentityFault> {
        check_times(&all, now)?;
        let subject = text(&all, "sub").filter(|subject| !subject.is_empty());
        let subject = subject.ok_or(WebIdentityFault::Claim("sub"))?.to_owned();
        let audience = audience(&all, &provider.client_ids)?;
        if all.get("amr").is_some_and(|amr| texts(amr).is_none()) {
            return Err(WebIdentityFault::Claim("amr"));
        }
        let (tags, transitive) = session_tags(&all)?;
        let source_identity = match all.get(SOURCE_IDENTITY) {
            None => None,
            Some(Value::String(text)) if is_source_identity(text) => Some(text.clone()),
            Some(_) => return Err(WebIdentityFault::Claim(SOURCE_IDENTITY)),
        };
        let prefix = provider.entity.name.clone();
        Ok(Claims { subject, audience, tags, transitive, source_identity, all, prefix })
    }

    /// The keys that trust policies can ask: `<issuer>:<claim>` for each text, number, truth value
    /// and list of texts. Where a token names its authorised party, `aud` means that, and `oaud` is
    /// the audience.
    pub fn facts(&self) -> impl Iterator<Item = (String, Fact)> + '_ {
        let reserved = RESERVED.iter().any(|name| self.prefix.eq_ignore_ascii_case(name));
        let party = self.all.get("azp");
        let claims = self.all.iter().filter(move |_| !reserved);
        let named = claims.filter_map(move |(name, value)| match (name.as_str(), party) {
            ("aud", Some(_)) => Some(("oaud", value)),
            ("azp", _) => Some(("aud", value)),
            ("oaud", _) => None,
            (name, _) => Some((name, value)),
        });
        named.filter_map(|(name, value)| Some((format!("{}:{name}", self.prefix), fact(value)?)))
    }
}

fn fact(value: &Value) -> Option<Fact> {
    match value {
        Value::String(text) => Some(Fact::One(text.clone())),
        Value::Number(number) => Some(Fact::One(number.to_string())),
        Value::Bool(truth) => Some(Fact::One(truth.to_string())),
        Value::Array(_) => match texts(value)?.as_slice() {
            [only] => Some(Fact::One((*only).to_owned())),
            many => Some(Fact::Many(many.iter().map(|text| (*text).to_owned()).collect())),
        },
        Value::Null | Value::Object(_) => None,
    }
}

/// `exp` and `iat` must be there, `nbf` may.
fn check_times(all: &Map<String, Value>, now: i64) -> Result<(), WebIdentityFault> {
    let seconds = |name: &'static str| match all.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(WebIdentityFault::Claim(name)),
    };
    let needed = |name| seconds(name)?.ok_or(WebIdentityFault::Claim(name));
    let (expires, issued, from) = (needed("exp")?, needed("iat")?, seconds("nbf")?);
    let clock = now as f64;
    if expires <= clock {
        return Err(WebIdentityFault::Expired { now, expires: expires as i64 });
    }
    if issued > clock + SKEW {
        return Err(WebIdentityFault::TooEarly { claim: "iat", now, from: issued as i64 });
    }
    match from {
        Some(from) if from > clock => {
            Err(WebIdentityFault::TooEarly { claim: "nbf", now, from: from as i64 })
        }
        _ => Ok(()),
    }
}

/// One of the audiences must be registered; so must the authorised party, if there is one.
fn audience(all: &Map<String, Value>, registered: &[String]) -> Result<String, WebIdentityFault> {
    let is_registered = |text: &&str| registered.iter().any(|known| known == text);
    let audiences = all.get("aud").and_then(texts).ok_or(WebIdentityFault::Claim("aud"))?;
    let audience = audiences.iter().copied().find(is_registered);
    let audience = audience.ok_or(WebIdentityFault::Audience)?;
    match all.get("azp") {
        None => Ok(audience.to_owned()),
        Some(Value::String(party)) if is_registered(&party.as_str()) => Ok(party.clone()),
        Some(Value::String(_)) => Err(WebIdentityFault::Audience),
        Some(_) => Err(WebIdentityFault::Claim("azp")),
    }
}

/// `{"principal_tags": {"key": ["value"]}, "transitive_tag_keys": ["key"]}`.
#[allow(clippy::type_complexity)]
fn session_tags(
    all: &Map<String, Value>,
) -> Result<(Vec<(String, String)>, Vec<String>), WebIdentityFault> {
    let wrong = || WebIdentityFault::Claim(TAGS);
    let Some(claim) = all.get(TAGS) else { return Ok((Vec::new(), Vec::new())) };
    let claim = claim.as_object().ok_or_else(wrong)?;
    let mut tags = Vec::new();
    if let Some(given) = claim.get("principal_tags") {
        for (key, value) in given.as_object().ok_or_else(wrong)? {
            match texts(value).as_deref() {
                Some([value]) => tags.push((key.clone(), (*value).to_owned())),
                _ => return Err(wrong()),
            }
        }
    }
    let transitive = match claim.get("transitive_tag_keys") {
        None => Vec::new(),
        Some(keys) => texts(keys).ok_or_else(wrong)?,
    };
    Ok((tags, transitive.into_iter().map(str::to_owned).collect()))
}

/// 2 to 64 of the characters that AssumeRole takes.
fn is_source_identity(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (2..=64).contains(&text.len()) && text.bytes().all(allowed)
}

fn text<'a>(all: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    all.get(name)?.as_str()
}

/// A text, or a list of texts.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
