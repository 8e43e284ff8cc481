# Makes the OCI image layout `layout` of one image, tag 1, for linux/amd64: two layers of files
# from `demo-app`. `image-digest` receives the digest of its manifest.

mkdir -p root/bin root/etc layout/blobs/sha256
cp demo-app/busybox root/bin
cp demo-app/greeting root/etc

digest() { sha256sum "$1" | cut -d' ' -f1; }

# Moves a file into the layout and prints the descriptor of it: FILE MEDIA-TYPE [MORE]
blob() {
    printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%d%s}' \
        "$2" "$(digest "$1")" "$(stat -c %s "$1")" "${3:-}"
    mv "$1" "layout/blobs/sha256/$(digest "$1")"
}

for folder in bin etc; do
    tar --owner=0 --group=0 -C root -cf $folder.tar $folder
    gzip -n --keep $folder.tar
done
cat > config.json <<END
{"architecture":"amd64","os":"linux",
 "config":{"Entrypoint":["/bin/busybox","cat"],"Cmd":["/etc/greeting"]},
 "rootfs":{"type":"layers","diff_ids":["sha256:$(digest bin.tar)","sha256:$(digest etc.tar)"]}}
END
cat > manifest.json <<END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
 "config":$(blob config.json config.v1+json),
 "layers":[$(blob bin.tar.gz layer.v1.tar+gzip),$(blob etc.tar.gz layer.v1.tar+gzip)]}
END
echo "sha256:$(digest manifest.json)" > image-digest
name=',"annotations":{"org.opencontainers.image.ref.name":"1"}'
cat > layout/index.json <<END
{"schemaVersion":2,"manifests":[$(blob manifest.json manifest.v1+json "$name")]}
END
echo '{"imageLayoutVersion":"1.0.0"}' > layout/oci-layout
rm -r root bin.tar etc.tar
