#!/usr/bin/env php
<?php
// A worker in PHP without a kit: a line of JSON comes, a line goes. What is for people goes to STDERR.

function call(array $args): array
{
    return ['text' => "Hello, {$args['name']}"];
}

while (($line = fgets(STDIN)) !== false) {
    $asked = json_decode($line, true);
    try {
        $reply = ['result' => call($asked['params']['args'])];
    } catch (Throwable $error) {
        fwrite(STDERR, "$error\n");
        $reply = ['error' => ['code' => -32603, 'message' => $error->getMessage()]];
    }
    fwrite(STDOUT, json_encode(['jsonrpc' => '2.0', 'id' => $asked['id']] + $reply) . "\n");
}
