//! boto3, the AWS SDK for Python: see `python/tour.py`, which is the test.

use anyhow::Result;
use wharf_e2e::Host;

#[test]
fn the_tour() -> Result<()> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.set("TOUR", concat!(env!("CARGO_MANIFEST_DIR"), "/python/tour.py"));
    host.sh("python $TOUR")?.says("the tour is over");
    Ok(())
}
