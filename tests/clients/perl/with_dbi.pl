# DBI: a login for each connection.
#
# usage: with_dbi.pl mysql | MariaDB

use strict;
use warnings;
use DBI;
use File::Temp;
use JSON::PP;

my $driver = shift;
my $json = JSON::PP->new->canonical->allow_nonref;
DBI->install_driver($driver);
my ( %pools, %login_of );
$| = 1;

# The login that is current now: user name and password, host and port.
sub read_login {
    my @command = qw(aws secretsmanager get-secret-value --query SecretString --output text --secret-id);
    open my $answer, '-|', @command, $ENV{SECRET} or die "aws: $!";
    local $/;
    return decode_json(<$answer>);
}

sub connect_to {
    my ( $login, $tls ) = @_;
    my $prefix = lc $driver;
    my $dsn = "DBI:$driver:host=$login->{host};port=$login->{port}";
    my %options = ( RaiseError => 1, PrintError => 0, "${prefix}_connect_timeout" => 10 );
    %options = ( %options, "${prefix}_ssl" => 1, "${prefix}_ssl_ca_file" => $ENV{CA_FILE} ) if $tls;
    return DBI->connect( $dsn, $login->{username}, $login->{password}, \%options );
}

sub current_user {
    my @row = shift->selectrow_array('SELECT CURRENT_USER(), CONNECTION_ID()');
    return [ $row[0], $row[1] + 0 ];
}

sub of_option_file {
    my $file = File::Temp->new;
    print $file shift;
    close $file;
    my $prefix = lc $driver;
    return DBI->connect( "DBI:$driver:${prefix}_read_default_file=$file;${prefix}_read_default_group=client",
        undef, undef, { RaiseError => 1, PrintError => 0 } );
}

my %actions = (
    version => sub { "DBD::$driver"->VERSION },
    forms => sub { { 'option file' => "[client]\nuser=USER\npassword=PASSWORD\nhost=HOST\nport=PORT\n" } },
    login => sub { my $order = shift; current_user( connect_to( $order->{login}, $order->{tls} ) ) },
    paste => sub { current_user( of_option_file( shift->{text} ) ) },
    open => sub { my $order = shift; $pools{ $order->{pool} } = []; $login_of{ $order->{pool} } = $order->{login}; undef },
    take => sub {
        my $pool = shift->{pool};
        push @{ $pools{$pool} }, connect_to( $login_of{$pool} // read_login(), 1 );
        current_user( $pools{$pool}[-1] );
    },
    held => sub { [ map { current_user($_) } @{ $pools{ shift->{pool} } } ] },
);

while ( my $line = <STDIN> ) {
    my $order = decode_json($line);
    my $ok = eval { $actions{ $order->{do} }->($order) };
    if ( my $error = $@ ) {
        my $number = DBI->err;
        print $json->encode( { error => 'DBI error', number => $number ? $number + 0 : undef, message => substr( $error, 0, 300 ) } ), "\n";
    }
    else {
        print $json->encode( { ok => $ok } ), "\n";
    }
}
