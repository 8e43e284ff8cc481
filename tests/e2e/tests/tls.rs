//! TLS with a private authority, as `wharf tls init` makes one: each client is served once it has
//! been told to trust `ca.crt`, in its own way, and refuses before. The registry's name leads to an
//! address that is no loopback, so that Docker too insists on a valid certificate.

use anyhow::Result;
use wharf_e2e::Host;

#[test]
fn clients_that_trust_the_private_authority() -> Result<()> {
    let mut host = Host::start()?;
    host.sh("ip address add 192.0.2.10/32 dev lo
         echo '192.0.2.10 registry.test' >> /etc/hosts")?;
    host.wharf_tls(&["registry.test"])?;
    host.set("WHARF_LISTEN", "192.0.2.10:443");
    host.set("WHARF_PUBLIC_URL", "https://registry.test");
    host.set("WHARF_REGISTRY_HOST", "registry.test");
    host.wharf()?;
    host.set("REGISTRY", "registry.test");
    host.dockerd()?;
    host.image_layout()?;

    // The aws command line, any SDK, and skopeo.
    host.refuses("aws ecr describe-repositories")?.says("certificate verify failed");
    host.set("AWS_CA_BUNDLE", host.get("CA").to_owned());
    host.sh("aws ecr create-repository --repository-name demo
         aws ecr get-login-password > password")?;
    host.refuses("skopeo login --username AWS --password-stdin $REGISTRY < password")?.says("x509");
    host.sh(
        "mkdir -p /etc/containers/certs.d/$REGISTRY; cp $CA /etc/containers/certs.d/$REGISTRY/
         skopeo login --username AWS --password-stdin $REGISTRY < password
         skopeo copy oci:layout:1 docker://$REGISTRY/demo:1",
    )?;

    // Docker.
    host.refuses("docker login --username AWS --password-stdin $REGISTRY < password")?.says("x509");
    host.sh("mkdir -p /etc/docker/certs.d/$REGISTRY; cp $CA /etc/docker/certs.d/$REGISTRY/
         docker login --username AWS --password-stdin $REGISTRY < password
         docker pull $REGISTRY/demo:1")?;
    assert_eq!(host.sh("docker run --rm $REGISTRY/demo:1")?.text(), "ahoy");

    // Go programs without a folder of their own for it: crane, oras, regctl, helm.
    host.refuses("crane digest $REGISTRY/demo:1")?.says("x509");
    host.sh("SSL_CERT_FILE=$CA crane digest $REGISTRY/demo:1 | cmp - image-digest")?;
    Ok(())
}
