#!/bin/sh
# Makes .env, the secrets of this installation, beside compose.yaml. Run it once: with another
# installation key Wharf refuses its database.
set -eu
cd "$(dirname "$0")"
umask 077
if [ -e .env ]; then
    echo ".env is there already; remove it, and the volumes with it, to begin anew" >&2
    exit 1
fi
letters() { LC_ALL=C tr -dc "$1" < /dev/urandom | head -c "$2"; }
cat > .env.new <<END
POSTGRES_PASSWORD=$(letters a-z0-9 32)
S3_ACCESS_KEY_ID=AKIA$(letters A-Z2-7 16)
S3_SECRET_ACCESS_KEY=$(letters a-zA-Z0-9 40)
WHARF_INSTALLATION_KEY=$(head -c 32 /dev/urandom | base64)
WHARF_ROOT_ACCESS_KEY_ID=AKIA$(letters A-Z2-7 16)
WHARF_ROOT_SECRET_ACCESS_KEY=$(letters a-zA-Z0-9 40)
END
mv .env.new .env
