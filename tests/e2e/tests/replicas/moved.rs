//! What one replica did, the other one knows at the next request: tags, repositories, keys, and
//! uploads that go on elsewhere.

use anyhow::{Result, ensure};
use http::Method;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::json;
use wharf_e2e::{Blob, Blobs, Client, Deployment, Image, at, base64, ending, front};

const MIB: usize = 1 << 20;

/// Images of a config each, which is enough to tell them apart.
fn images(number: usize) -> Vec<Image> {
    let mut rng = StdRng::seed_from_u64(1);
    (0..number).map(|_| Image::new(&mut rng, Vec::new())).collect()
}

#[test]
fn a_moved_tag_is_seen_by_the_next_request() -> Result<()> {
    let deployment = Deployment::scaled_out(Blobs::Streamed)?;
    let [one, two] = &deployment.replicas[..] else { unreachable!("two were asked for") };
    deployment.host.inside(async || {
        let mut clients = [at(one).await?, at(two).await?];
        clients[0].create_repository("demo").await?;
        let images = images(8);
        for image in &images {
            clients[0].push("demo", "warm", image).await?;
        }
        for turn in 0..400 {
            let (mover, image) = (turn % 2, &images[turn * 7 % images.len()]);
            let put = clients[mover].try_push_manifest("demo", "moving", image).await?;
            put.expect(201)?;
            for (reader, client) in clients.iter_mut().enumerate() {
                let seen = client.tag("demo", "moving").await?;
                ensure!(
                    seen.as_ref() == Some(&image.digest),
                    "turn {turn}: replica {reader} still serves {seen:?}, not {}",
                    image.digest
                );
            }
        }
        Ok(())
    })
}

#[test]
fn what_came_and_what_went_is_seen_by_the_next_request() -> Result<()> {
    let deployment = Deployment::scaled_out(Blobs::Streamed)?;
    let [one, two] = &deployment.replicas[..] else { unreachable!("two were asked for") };
    deployment.host.inside(async || {
        let mut clients = [at(one).await?, at(two).await?];
        let image = &images(1)[0];
        for turn in 0..30 {
            let (name, writer, reader) = (format!("demo-{}", turn % 3), turn % 2, (turn + 1) % 2);
            clients[writer].create_repository(&name).await?;
            clients[reader].push(&name, "1", image).await?;
            clients[writer].pull(&name, image).await?;
            let gone = json!({ "repositoryName": name, "imageIds": [{ "imageTag": "1" }] });
            clients[writer].ecr("BatchDeleteImage", gone).await?.expect(200)?;
            let seen = clients[reader].tag(&name, "1").await?;
            ensure!(seen.is_none(), "turn {turn}: the deleted tag is at {seen:?}");
            let gone = json!({ "repositoryName": name, "force": true });
            clients[reader].ecr("DeleteRepository", gone).await?.expect(200)?;
            let path = format!("/v2/{name}/tags/list");
            clients[writer].get(&path).await?.expect(404)?;
        }
        Ok(())
    })
}

/// The key's owner gave it up at one replica; the other one takes neither it nor its tokens.
#[test]
fn a_replaced_root_key_is_no_good_anywhere() -> Result<()> {
    let mut deployment = Deployment::scaled_out(Blobs::Streamed)?;
    let (host, replicas) = (&deployment.host, &mut deployment.replicas);
    let mut client = host.inside(async || {
        let mut client = at(&replicas[0]).await?;
        client.create_repository("demo").await?;
        client.get("/v2/demo/tags/list").await?.expect(200)?;
        Ok(client.another())
    })?;
    replicas[1].stop(host)?;
    replicas[1].set("WHARF_ROOT_ACCESS_KEY_ID", "AKIANEWROOTKEYEXAMPL");
    replicas[1].set("WHARF_ROOT_SECRET_ACCESS_KEY", "another/secret/of/the/tests");
    replicas[1].start(host)?;
    host.inside(async || {
        let mut stranger = Client::to(replicas[0].address);
        let refused = stranger.ecr("GetAuthorizationToken", json!({})).await?;
        ensure!(refused.code() == "UnrecognizedClientException", "{refused:?}");
        client.get("/v2/demo/tags/list").await?.expect(403)?;
        Ok(())
    })
}

/// An upload of three chunks and an end, each at the other replica than the one before: smaller
/// than a part of S3, larger, and of many of them.
#[test]
fn an_upload_goes_on_at_the_other_replica() -> Result<()> {
    let deployment = Deployment::scaled_out(Blobs::Streamed)?;
    let [one, two] = &deployment.replicas[..] else { unreachable!("two were asked for") };
    deployment.host.inside(async || {
        let mut clients = [at(one).await?, at(two).await?];
        clients[0].create_repository("demo").await?;
        for (seed, size) in [(1, 3_000), (2, 300_000), (3, 7 * MIB), (4, 40 * MIB + 123)] {
            let blob = Blob::new(seed, size);
            let (bytes, third) = (blob.bytes(), size / 3);
            let mut path = clients[0].begin_upload("demo").await?;
            for (turn, first) in [0, third, 2 * third].into_iter().enumerate() {
                let client = &mut clients[(turn + 1) % 2];
                let chunk = bytes.slice(first..if turn == 2 { size - 1 } else { first + third });
                let range = format!("{first}-{}", first + chunk.len() - 1);
                let headers = [("content-range", range.as_str())];
                let grown =
                    client.send(Method::PATCH, &path, &headers, chunk).await?.expect(202)?;
                path = grown.header("location").to_owned();
            }
            let told = clients[1].get(&path).await?.expect(204)?.header("range").to_owned();
            ensure!(told == format!("0-{}", size - 2), "{told} is there of {size} bytes");
            let end = ending(&path, &blob.digest);
            clients[0].send(Method::PUT, &end, &[], bytes.slice(size - 1..)).await?.expect(201)?;
            for client in &mut clients {
                client.pull_blob("demo", &blob).await?;
            }
        }
        Ok(())
    })
}

/// The same at the door of the ECR API, through the proxy, which deals the requests out.
#[test]
fn a_layer_in_parts_goes_through_every_replica() -> Result<()> {
    const PART: usize = 5 * MIB;
    let deployment = Deployment::scaled_out(Blobs::Streamed)?;
    deployment.host.inside(async || {
        let mut client = Client::login(front()).await?;
        client.create_repository("demo").await?;
        let blob = Blob::new(5, 4 * PART + 1000);
        let begun = client.ecr("InitiateLayerUpload", json!({ "repositoryName": "demo" })).await?;
        let id = begun.expect(200)?.json()?["uploadId"].clone();
        let replicas = deployment.replicas.iter().cycle();
        for ((number, part), replica) in blob.bytes().chunks(PART).enumerate().zip(replicas) {
            let first = number * PART;
            let input = json!({
                "repositoryName": "demo", "uploadId": id, "partFirstByte": first,
                "partLastByte": first + part.len() - 1, "layerPartBlob": base64(part),
            });
            at(replica).await?.ecr("UploadLayerPart", input).await?.expect(200)?;
        }
        let input =
            json!({ "repositoryName": "demo", "uploadId": id, "layerDigests": [blob.digest] });
        client.ecr("CompleteLayerUpload", input).await?.expect(200)?;
        client.pull_blob("demo", &blob).await
    })
}
