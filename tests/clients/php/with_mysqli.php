<?php
// mysqli: a login for each connection.
//
// usage: with_mysqli.php [persistent]

require __DIR__ . '/orders.php';

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
// A host that begins so is given a session that an earlier script left, which logs in anew.
$persistent = ($argv[1] ?? '') === 'persistent' ? 'p:' : '';

function connect(array $login, bool $tls = true): mysqli
{
    $connection = mysqli_init();
    $connection->options(MYSQLI_OPT_CONNECT_TIMEOUT, 10);
    $flags = 0;
    if ($tls) {
        $connection->ssl_set(null, null, getenv('CA_FILE'), null, null);
        $flags = MYSQLI_CLIENT_SSL;
    }
    $host = $GLOBALS['persistent'] . $login['host'];
    @$connection->real_connect($host, $login['username'], $login['password'], '', (int) $login['port'], null, $flags);
    return $connection;
}

$forms = [
    '.env read with parse_ini_file, INI_SCANNER_RAW' => [
        "username=USER\npassword=PASSWORD\nhost=HOST\nport=PORT\n",
        fn (string $text) => connect(parse_ini_string($text, false, INI_SCANNER_RAW) ?: [], false),
    ],
    '.env read with parse_ini_file' => [
        "username=USER\npassword=PASSWORD\nhost=HOST\nport=PORT\n",
        fn (string $text) => connect(parse_ini_string($text) ?: [], false),
    ],
    'URL read with parse_url' => [
        'mysql://USER:PASSWORD@HOST:PORT/',
        function (string $text) {
            $url = parse_url($text);
            $login = ['host' => $url['host'], 'port' => $url['port'], 'username' => $url['user'], 'password' => $url['pass']];
            return connect($login, false);
        },
    ],
];

serve(
    PHP_VERSION,
    'connect',
    fn (mysqli $connection) => array_map(
        fn ($value) => is_numeric($value) ? (int) $value : $value,
        $connection->query('SELECT CURRENT_USER(), CONNECTION_ID()')->fetch_row()
    ),
    $persistent ? [] : $forms,
    $persistent !== ''
);
