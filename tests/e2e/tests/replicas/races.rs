//! Two replicas are asked for the same thing at the same moment: there is one outcome, and both
//! tell the same of it afterwards.

use anyhow::{Result, ensure};
use http::Method;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use wharf_e2e::{Answer, Blob, Blobs, Client, Deployment, Image, at, ending};

const ROUNDS: u64 = 40;

/// A deployment, and a test with one client of each replica.
fn at_both(test: impl AsyncFnOnce(&mut Client, &mut Client) -> Result<()> + Send) -> Result<()> {
    let deployment = Deployment::scaled_out(Blobs::Streamed)?;
    deployment.host.inside(async || {
        let [one, two] = &deployment.replicas[..] else { unreachable!("two were asked for") };
        test(&mut at(one).await?, &mut at(two).await?).await
    })
}

/// The one of the two answers that has this status; the other one has the other.
fn one_each(answers: (Result<Answer>, Result<Answer>), won: u16, lost: &str) -> Result<Answer> {
    let (first, second) = (answers.0?, answers.1?);
    let (winner, loser) = if first.status == won { (first, second) } else { (second, first) };
    ensure!(winner.status == won, "nobody won: {winner:?}, {loser:?}");
    ensure!(loser.code() == lost, "not {lost}: {loser:?}");
    Ok(winner)
}

#[test]
fn to_create_one_repository() -> Result<()> {
    at_both(async |one, two| {
        for round in 0..ROUNDS {
            let name = format!("demo-{round}");
            let input = |value: &str| json!({ "repositoryName": name, "tags": [{ "Key": "by", "Value": value }] });
            let made = tokio::join!(
                one.ecr("CreateRepository", input("one")),
                two.ecr("CreateRepository", input("two"))
            );
            let made = one_each(made, 200, "RepositoryAlreadyExistsException")?.json()?;
            let asked = json!({ "repositoryNames": [name] });
            for client in [&mut *one, &mut *two] {
                let told = client.ecr("DescribeRepositories", asked.clone()).await?.expect(200)?;
                let told = told.json()?;
                ensure!(
                    told["repositories"] == json!([made["repository"]]),
                    "{told} is not {made}"
                );
            }
        }
        Ok(())
    })
}

/// Images with a config of their own, pushed to the repository but for their manifest.
async fn two_images(client: &mut Client, round: u64) -> Result<[Image; 2]> {
    let mut rng = StdRng::seed_from_u64(round);
    let images = [Image::new(&mut rng, Vec::new()), Image::new(&mut rng, Vec::new())];
    for image in &images {
        client.try_push_blob("demo", &image.blobs[0]).await?.expect(201)?;
    }
    Ok(images)
}

#[test]
fn to_move_one_tag() -> Result<()> {
    at_both(async |one, two| {
        one.create_repository("demo").await?;
        for round in 0..ROUNDS {
            let images = two_images(one, round).await?;
            let put = tokio::join!(
                one.try_push_manifest("demo", "latest", &images[0]),
                two.try_push_manifest("demo", "latest", &images[1])
            );
            put.0?.expect(201)?;
            put.1?.expect(201)?;
            let seen = (one.tag("demo", "latest").await?, two.tag("demo", "latest").await?);
            ensure!(seen.0 == seen.1, "round {round}: the replicas differ: {seen:?}");
            let digests = images.map(|image| Some(image.digest));
            ensure!(digests.contains(&seen.0), "round {round}: {seen:?} is not of {digests:?}");
        }
        Ok(())
    })
}

#[test]
fn to_set_one_immutable_tag() -> Result<()> {
    at_both(async |one, two| {
        let input = json!({ "repositoryName": "demo", "imageTagMutability": "IMMUTABLE" });
        one.ecr("CreateRepository", input).await?.expect(200)?;
        for round in 0..ROUNDS {
            let (images, tag) = (two_images(two, round).await?, round.to_string());
            let input = |image: &Image| {
                let manifest = String::from_utf8_lossy(&image.manifest);
                json!({ "repositoryName": "demo", "imageTag": tag, "imageManifest": manifest })
            };
            let put = tokio::join!(
                one.ecr("PutImage", input(&images[0])),
                two.ecr("PutImage", input(&images[1]))
            );
            let put = one_each(put, 200, "ImageTagAlreadyExistsException")?.json()?;
            for client in [&mut *one, &mut *two] {
                let seen = client.tag("demo", &tag).await?;
                ensure!(
                    Value::from(seen.clone()) == put["image"]["imageId"]["imageDigest"],
                    "{seen:?} is not {put}"
                );
            }
        }
        Ok(())
    })
}

/// Both are told that the layer is there, or one is told that the upload is over; whichever it
/// is, the layer is there once and whole.
#[test]
fn to_complete_one_upload() -> Result<()> {
    at_both(async |one, two| {
        one.create_repository("demo").await?;
        for (round, size) in [2_000, 90_000, 600_000, 6 << 20, 18 << 20].into_iter().enumerate() {
            for again in 0..4 {
                let blob = Blob::new((round * 10 + again) as u64, size);
                let path = one.begin_upload("demo").await?;
                let grown = one.send(Method::PATCH, &path, &[], blob.bytes()).await?.expect(202)?;
                let end = ending(grown.header("location"), &blob.digest);
                let ended = tokio::join!(
                    one.send(Method::PUT, &end, &[], ""),
                    two.send(Method::PUT, &end, &[], "")
                );
                let (first, second) = (ended.0?, ended.1?);
                let mut statuses = [first.status, second.status];
                statuses.sort_unstable();
                // 404, 416 and 503: the upload is over, or the other one is at work on it.
                let known = matches!(statuses, [201, 201 | 404 | 416 | 503]);
                ensure!(known, "{size} bytes: {first:?}, {second:?}");
                one.pull_blob("demo", &blob).await?;
                two.pull_blob("demo", &blob).await?;
            }
        }
        Ok(())
    })
}

/// The same at the door of the ECR API, which has words for whoever comes second.
#[test]
fn to_complete_one_layer() -> Result<()> {
    at_both(async |one, two| {
        one.create_repository("demo").await?;
        for round in 0..8 {
            let blob = Blob::new(100 + round, 300_000);
            let begun = one.ecr("InitiateLayerUpload", json!({ "repositoryName": "demo" })).await?;
            let id = begun.expect(200)?.json()?["uploadId"].clone();
            let input = json!({
                "repositoryName": "demo", "uploadId": id, "partFirstByte": 0,
                "partLastByte": blob.size - 1, "layerPartBlob": wharf_e2e::base64(&blob.bytes()),
            });
            two.ecr("UploadLayerPart", input).await?.expect(200)?;
            let input =
                json!({ "repositoryName": "demo", "uploadId": id, "layerDigests": [blob.digest] });
            let ended = tokio::join!(
                one.ecr("CompleteLayerUpload", input.clone()),
                two.ecr("CompleteLayerUpload", input)
            );
            let (first, second) = (ended.0?, ended.1?);
            let known = |answer: &Answer| {
                let code = answer.code();
                answer.status == 200
                    || ["LayerAlreadyExistsException", "UploadNotFoundException"].contains(&&*code)
            };
            let one_won = first.status == 200 || second.status == 200;
            ensure!(one_won && known(&first) && known(&second), "{first:?}, {second:?}");
            one.pull_blob("demo", &blob).await?;
            two.pull_blob("demo", &blob).await?;
        }
        Ok(())
    })
}

/// Two chunks for the same place of one upload: one is taken, and the layer that comes of it is
/// never a mixture.
#[test]
fn to_append_to_one_upload() -> Result<()> {
    at_both(async |one, two| {
        one.create_repository("demo").await?;
        for round in 0..10 {
            let blobs = [1, 2].map(|half| Blob::new(1000 + round * 2 + half, 1 << 20));
            let path = one.begin_upload("demo").await?;
            let headers = [("content-range", "0-1048575")];
            let sent = tokio::join!(
                one.send(Method::PATCH, &path, &headers, blobs[0].bytes()),
                two.send(Method::PATCH, &path, &headers, blobs[1].bytes())
            );
            let sent = [sent.0?, sent.1?];
            let taken = sent.iter().position(|answer| answer.status == 202);
            let Some(taken) = taken else { anyhow::bail!("neither was taken: {sent:?}") };
            // A ticket stands for the beginning at one replica; each may begin with its own.
            let end = ending(sent[taken].header("location"), &blobs[taken].digest);
            let ended = one.send(Method::PUT, &end, &[], "").await?;
            match ended.status {
                201 => two.pull_blob("demo", &blobs[taken]).await?,
                // The other chunk came last and was taken too: then that is what is there.
                _ => {
                    let other = 1 - taken;
                    ensure!(sent[other].status == 202, "{sent:?}, then {ended:?}");
                    let end = ending(sent[other].header("location"), &blobs[other].digest);
                    two.send(Method::PUT, &end, &[], "").await?.expect(201)?;
                    one.pull_blob("demo", &blobs[other]).await?;
                }
            }
        }
        Ok(())
    })
}
