//! A rolling restart: one replica after the other stops and comes back with an empty disk, while
//! real clients push and pull without an error and without a pause.

use std::{fs, thread, time::Duration};

use anyhow::{Result, ensure};
use wharf_e2e::{Blobs, Deployment};

/// Pushes a new image, pulls it, reads it by the API, and again, until the file `stop` is there.
/// Nothing is tried twice: the first command that fails ends the script.
const WORK: &str = "\
n=0
while ! test -e stop; do
    n=$((n+1)); mkdir -p $client; head -c 3000000 /dev/urandom > $client/file
    tar -C $client -cf $client.tar file
    crane append --oci-empty-base --new_layer $client.tar --new_tag $REGISTRY/demo:$client-$n
    crane validate --remote $REGISTRY/demo:$client-$n
    aws ecr describe-images --repository-name demo --image-ids imageTag=$client-$n > $client/told
    crane tag $REGISTRY/demo:$client-$n $client
done
echo $n images";

#[test]
fn no_client_command_fails() -> Result<()> {
    let mut deployment = Deployment::scaled_out(Blobs::Streamed)?;
    let (host, replicas) = (&deployment.host, &mut deployment.replicas);
    host.sh("aws ecr create-repository --repository-name demo
         aws ecr get-login-password |
             crane auth login --username AWS --password-stdin $REGISTRY")?;
    thread::scope(|scope| {
        let work = |client| scope.spawn(move || host.sh(&format!("client={client}\n{WORK}")));
        let clients = ["one", "two"].map(work);
        let restarted = (|| {
            for _ in 0..2 {
                for replica in &mut *replicas {
                    replica.stop(host)?;
                    replica.forget()?;
                    replica.start(host)?;
                    replica.is_seen(host, true)?;
                    thread::sleep(Duration::from_secs(1));
                }
            }
            Ok(())
        })();
        fs::write(host.path("home/stop"), "")?;
        for client in clients {
            let said = client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            let pushed = said.text().lines().last().and_then(|line| line.strip_suffix(" images"));
            let pushed: u32 = pushed.unwrap_or_default().parse()?;
            ensure!(pushed >= 3, "hardly any load: {pushed} images");
        }
        restarted
    })
}
