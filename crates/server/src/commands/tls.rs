//! `wharf tls`: certificates for HTTPS.

use super::print;
use crate::cli::TlsInit;
use crate::config::Config;
use crate::folder;
use crate::tls::authority::{self, Wanted};

pub(super) fn init(init: TlsInit) -> anyhow::Result<()> {
    let config = Config::read(&init.settings.0)?;
    folder::make(&config.data)?;
    let wanted = Wanted {
        folder: config.data.join("tls"),
        hosts: init.hosts,
        region: config.region.clone(),
        days: init.days,
    };
    // The host that was asked for is the one that clients will use.
    let given = wanted.hosts.first().filter(|host| !host.contains('*')).cloned();
    let made = authority::init(&wanted)?;
    let port = config.listen.port();
    let host = given.map(|host| format!("{host}:{port}"));
    let host = host.unwrap_or_else(|| config.registry_host(port));
    print(&made.next_steps(&host, &format!("https://{host}")))
}
