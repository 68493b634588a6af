<?php
// What the programs here have in common: the login in the secret, and orders on standard input.
// An order is one line of JSON; so is its answer. Only read_login is for an application to copy.

/** The login that is current now: user name and password, host and port. */
function read_login(): array
{
    $command = 'aws secretsmanager get-secret-value --query SecretString --output text --secret-id ';
    return json_decode(shell_exec($command . escapeshellarg(getenv('SECRET'))), true);
}

/**
 * Carries out the orders until there are no more. PHP has no pool: each connection has the login of the moment.
 * With $gives_back, the one before is given back first, as at the end of a script.
 */
function serve(string $version, callable $connect, callable $current_user, array $forms = [], bool $gives_back = false): void
{
    $pools = [];
    while (($line = fgets(STDIN)) !== false) {
        $order = json_decode($line, true);
        try {
            switch ($order['do']) {
                case 'version': $ok = $version; break;
                case 'forms': $ok = (object) array_map(fn ($form) => $form[0], $forms); break;
                case 'login': $ok = $current_user($connect($order['login'], $order['tls'])); break;
                case 'paste': $ok = $current_user($forms[$order['form']][1]($order['text'])); break;
                case 'open': $ok = null; $pools[$order['pool']] = ['login' => $order['login'], 'held' => []]; break;
                case 'take':
                    $pool = &$pools[$order['pool']];
                    if ($gives_back) {
                        $pool['held'] = [];
                        $connection = null;
                    }
                    $connection = $connect($pool['login'] ?? read_login(), true);
                    $pool['held'][] = $connection;
                    $ok = $current_user($connection);
                    break;
                case 'held': $ok = array_map($current_user, $pools[$order['pool']]['held']); break;
            }
            $answer = ['ok' => $ok];
        } catch (Throwable $error) {
            $answer = [
                'error' => get_class($error),
                'number' => is_int($error->getCode()) ? $error->getCode() : null,
                'message' => substr($error->getMessage(), 0, 300),
            ];
        }
        echo json_encode($answer), "\n";
    }
}
