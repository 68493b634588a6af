<?php
// PDO: a login for each connection.

require __DIR__ . '/orders.php';

function connect(array $login, bool $tls = true): PDO
{
    $options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 10];
    if ($tls) {
        $options[PDO::MYSQL_ATTR_SSL_CA] = getenv('CA_FILE');
    }
    $dsn = "mysql:host={$login['host']};port={$login['port']}";
    return new PDO($dsn, $login['username'], $login['password'], $options);
}

serve(
    PHP_VERSION,
    'connect',
    fn (PDO $connection) => $connection->query('SELECT CURRENT_USER(), CONNECTION_ID()')->fetch(PDO::FETCH_NUM),
    [
        'DSN' => [
            'mysql:host=HOST;port=PORT;user=USER;password=PASSWORD',
            fn (string $text) => new PDO($text),
        ],
    ]
);
