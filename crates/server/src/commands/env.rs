//! `wharf env`: the exports that point aws and the SDKs at this registry.

use super::{print, quoted};
use crate::config::Config;
use crate::folder;

pub(super) fn environment(config: &Config) -> anyhow::Result<()> {
    let (id, secret) = match &config.root {
        Some(root) => (root.id.clone(), root.secret.0.clone()),
        None => folder::read_credentials(&config.data)?,
    };
    let (endpoint, region) = reached(config);
    let mut text = String::new();
    let exports = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", id),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_REGION", region.clone()),
        ("AWS_DEFAULT_REGION", region),
    ];
    for (name, value) in exports {
        text.push_str(&format!("export {name}={}\n", quoted(&value)));
    }
    // A token of another session would be sent along and make every signature wrong.
    text.push_str("unset AWS_SESSION_TOKEN AWS_PROFILE\n");
    print(&text)
}

/// URL and Region: what this command was told, else what the server on this folder was told, else
/// the defaults.
fn reached(config: &Config) -> (String, String) {
    let own = (config.endpoint_url(config.listen.port()), config.region.clone());
    let Some(told) = folder::read_endpoint(&config.data) else { return own };
    let endpoint = if config.is_set("public_url") { own.0 } else { told.0 };
    let region = if config.is_set("region") { own.1 } else { told.1 };
    (endpoint, region)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{Flags, Settings};

    fn config(data: &std::path::Path, more: &[(&'static str, &str)]) -> Config {
        let mut values = vec![("data", data.display().to_string())];
        values.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let flags = Flags { config: None, values };
        Config::check(Settings::gather(&flags, []).unwrap()).unwrap()
    }

    #[test]
    fn what_is_told_here_goes_before_what_the_server_was_told() {
        let folder = tempfile::tempdir().unwrap();
        let of = |more: &[(&'static str, &str)]| {
            let (url, region) = reached(&config(folder.path(), more));
            format!("{url} {region}")
        };
        assert_eq!(of(&[]), "http://localhost:5080 us-east-1");
        let told = [("public_url", "https://r.example.com"), ("region", "eu-west-1")];
        let served = config(folder.path(), &told);
        folder::write_address(&served, ([127, 0, 0, 1], 5080).into()).unwrap();
        assert_eq!(of(&[]), "https://r.example.com eu-west-1");
        assert_eq!(of(&[("region", "us-west-2")]), "https://r.example.com us-west-2");
        let other = ("public_url", "https://o.example.com");
        assert_eq!(of(&[other]), "https://o.example.com eu-west-1");
    }
}
