//! The examples for Compose and Kubernetes: see `python/examples.py`, which reads them, and HAProxy
//! itself, which must find nothing to say about its configuration.

use anyhow::{Result, ensure};
use wharf_e2e::Host;

#[test]
fn compose_and_kubernetes() -> Result<()> {
    let mut host = Host::start()?;
    host.set("CHECK", concat!(env!("CARGO_MANIFEST_DIR"), "/python/examples.py"));
    host.set("EXAMPLES", concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"));
    host.sh("mkdir scratch; wharf config --reference | python $CHECK $EXAMPLES scratch")?
        .says("the examples hold");
    Ok(())
}

#[test]
fn haproxy_takes_its_configuration_without_a_warning() -> Result<()> {
    let mut host = Host::start()?;
    host.set("EXAMPLES", concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"));
    let told = host.sh("for n in 1 2 3; do echo 127.0.0.1$n wharf-$n >> /etc/hosts; done
         haproxy -c -f $EXAMPLES/haproxy/haproxy.cfg 2>&1")?;
    ensure!(!told.text().contains("WARNING"), "{told}");
    Ok(())
}
