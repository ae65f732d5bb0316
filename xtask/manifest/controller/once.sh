#!/bin/sh
# Started for each call.
cat >/dev/null
echo '{"method": "'"$1"'"}'
