// Go's driver: BeforeConnect puts the login of the moment into each connection that the pool opens.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/go-sql-driver/mysql"
)

type login struct {
	Host     string
	Port     int
	Username string
	Password string
}

// readLogin gives the login that is current now.
func readLogin() (*login, error) {
	answer, err := exec.Command("aws", "secretsmanager", "get-secret-value", "--query", "SecretString",
		"--output", "text", "--secret-id", os.Getenv("SECRET")).Output()
	if err != nil {
		return nil, err
	}
	current := new(login)
	return current, json.Unmarshal(answer, current)
}

func settings(current *login, useTLS bool) *mysql.Config {
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", fmt.Sprintf("%s:%d", current.Host, current.Port)
	config.User, config.Passwd = current.Username, current.Password
	config.Timeout = 10 * time.Second
	if useTLS {
		config.TLSConfig = "authorities"
	}
	return config
}

// openPool opens a pool that asks for the login whenever it opens a connection.
func openPool(getLogin func() (*login, error)) (*sql.DB, error) {
	current, err := getLogin()
	if err != nil {
		return nil, err
	}
	config := settings(current, true)
	beforeConnect := mysql.BeforeConnect(func(_ context.Context, config *mysql.Config) error {
		current, err := getLogin()
		if err == nil {
			config.User, config.Passwd = current.Username, current.Password
		}
		return err
	})
	if err := config.Apply(beforeConnect); err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

type connection interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func currentUser(one connection) (any, error) {
	var user string
	var id int
	err := one.QueryRowContext(context.Background(), "SELECT CURRENT_USER(), CONNECTION_ID()").Scan(&user, &id)
	return []any{user, id}, err
}

// once logs in with a DSN.
func once(dsn string) (any, error) {
	database, err := sql.Open("mysql", dsn)
	if err != nil {
		return nil, err
	}
	defer database.Close()
	return currentUser(database)
}

type order struct {
	Do    string
	Login *login
	TLS   bool
	Pool  string
	Text  string
}

type pool struct {
	database *sql.DB
	held     []*sql.Conn
}

func carryOut(given order, pools map[string]*pool) (any, error) {
	switch given.Do {
	case "version":
		return os.Args[1], nil
	case "forms":
		return map[string]string{"DSN": "USER:PASSWORD@tcp(HOST:PORT)/"}, nil
	case "login":
		return once(settings(given.Login, given.TLS).FormatDSN())
	case "paste":
		return once(given.Text)
	case "open":
		getLogin := readLogin
		if given.Login != nil {
			getLogin = func() (*login, error) { return given.Login, nil }
		}
		database, err := openPool(getLogin)
		pools[given.Pool] = &pool{database: database}
		return nil, err
	case "take":
		one := pools[given.Pool]
		connection, err := one.database.Conn(context.Background())
		if err != nil {
			return nil, err
		}
		one.held = append(one.held, connection)
		return currentUser(connection)
	case "held":
		users := []any{}
		for _, connection := range pools[given.Pool].held {
			user, err := currentUser(connection)
			if err != nil {
				return nil, err
			}
			users = append(users, user)
		}
		return users, nil
	}
	return nil, errors.New("no such order")
}

func main() {
	authorities := x509.NewCertPool()
	certificates, err := os.ReadFile(os.Getenv("CA_FILE"))
	if err != nil || !authorities.AppendCertsFromPEM(certificates) {
		panic("CA_FILE has no certificates")
	}
	if err := mysql.RegisterTLSConfig("authorities", &tls.Config{RootCAs: authorities}); err != nil {
		panic(err)
	}
	pools := map[string]*pool{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var given order
		if err := json.Unmarshal(lines.Bytes(), &given); err != nil {
			panic(err)
		}
		result, err := carryOut(given, pools)
		answer := map[string]any{"ok": result}
		if err != nil {
			answer = map[string]any{"error": fmt.Sprintf("%T", err), "message": err.Error()}
			var refusal *mysql.MySQLError
			if errors.As(err, &refusal) {
				answer["number"] = refusal.Number
			}
		}
		line, _ := json.Marshal(answer)
		fmt.Println(string(line))
	}
}
