// MariaDB Connector/J, and HikariCP with it: a DataSource that asks for the login whenever a connection is opened.
//
// usage: Client hikari | hikari-set | pool VERSION

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.sql.DataSource;
import org.mariadb.jdbc.MariaDbPoolDataSource;

public class Client {
    record Login(String host, int port, String username, String password) {}

    record Pool(DataSource source, Login fixed, List<Connection> held) {}

    static final Map<String, Pool> pools = new HashMap<>();
    static boolean hikari;
    /** Whether the login of a pool that runs is set anew, which has no effect. */
    static boolean sets;

    /** The login that is current now. */
    static Login readLogin() throws Exception {
        Process aws = new ProcessBuilder("aws", "secretsmanager", "get-secret-value", "--query", "SecretString",
            "--output", "text", "--secret-id", System.getenv("SECRET")).start();
        return login(new String(aws.getInputStream().readAllBytes()));
    }

    static String url(Login login, boolean tls) {
        String ssl = tls ? "?sslMode=verify-full&serverSslCert=" + System.getenv("CA_FILE") : "?sslMode=disable";
        return "jdbc:mariadb://" + login.host + ":" + login.port + "/" + ssl;
    }

    static Connection connect(Login login, boolean tls) throws SQLException {
        return DriverManager.getConnection(url(login, tls), login.username, login.password);
    }

    /** A DataSource of one method: each connection is opened with the login of the moment. */
    static DataSource each(Callable<Login> logins) {
        return (DataSource) Proxy.newProxyInstance(Client.class.getClassLoader(), new Class<?>[] {DataSource.class},
            (proxy, method, arguments) -> switch (method.getName()) {
                case "getConnection" -> connect(logins.call(), true);
                case "getLoginTimeout" -> 0;
                case "toString" -> "logins of the secret";
                case "hashCode" -> 1;
                default -> null;
            });
    }

    static DataSource openPool(Login fixed) throws Exception {
        if (hikari) {
            HikariConfig config = new HikariConfig();
            config.setMaximumPoolSize(10);
            config.setMinimumIdle(0);
            Login login = sets && fixed == null ? readLogin() : fixed;
            if (login == null) {
                config.setDataSource(each(Client::readLogin));
            } else {
                config.setJdbcUrl(url(login, true));
                config.setUsername(login.username);
                config.setPassword(login.password);
            }
            return new HikariDataSource(config);
        }
        if (fixed == null) {
            return each(Client::readLogin);
        }
        String more = "&maxPoolSize=10&minPoolSize=1&poolValidMinDelay=0&user=" + fixed.username + "&password=" + fixed.password;
        return new MariaDbPoolDataSource(url(fixed, true) + more);
    }

    static String currentUser(Connection connection) throws SQLException {
        try (ResultSet rows = connection.createStatement().executeQuery("SELECT CURRENT_USER(), CONNECTION_ID()")) {
            rows.next();
            return "[" + quote(rows.getString(1)) + "," + rows.getLong(2) + "]";
        }
    }

    static String carryOut(String order, String version) throws Exception {
        switch (text(order, "do")) {
            case "version":
                return quote(version);
            case "forms":
                return "{\"URL\":\"jdbc:mariadb://HOST:PORT/?user=USER&password=PASSWORD\"}";
            case "login":
                try (Connection one = connect(login(order), !order.contains("\"tls\": false"))) {
                    return currentUser(one);
                }
            case "paste":
                try (Connection one = DriverManager.getConnection(text(order, "text"), new Properties())) {
                    return currentUser(one);
                }
            case "open":
                Login fixed = order.contains("\"login\": null") ? null : login(order);
                pools.put(text(order, "pool"), new Pool(openPool(fixed), fixed, new ArrayList<>()));
                return "null";
            case "take":
                Pool pool = pools.get(text(order, "pool"));
                if (sets && pool.fixed == null) {
                    Login now = readLogin();
                    ((HikariDataSource) pool.source).setUsername(now.username);
                    ((HikariDataSource) pool.source).setPassword(now.password);
                }
                Connection taken = pool.source.getConnection();
                pool.held.add(taken);
                return currentUser(taken);
            default:
                List<String> users = new ArrayList<>();
                for (Connection one : pools.get(text(order, "pool")).held) {
                    users.add(currentUser(one));
                }
                return users.toString();
        }
    }

    public static void main(String[] arguments) throws Exception {
        sets = arguments[0].equals("hikari-set");
        hikari = sets || arguments[0].equals("hikari");
        PrintWriter out = new PrintWriter(System.out, true);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String order = in.readLine(); order != null; order = in.readLine()) {
            try {
                out.println("{\"ok\":" + carryOut(order, arguments[1]) + "}");
            } catch (Exception error) {
                out.println("{\"error\":" + quote(name(error)) + ",\"number\":" + number(error)
                    + (cause(error) == null ? "" : ",\"cause\":" + quote(name(cause(error)) + " " + number(cause(error))))
                    + ",\"message\":" + quote(String.valueOf(error.getMessage())) + "}");
            }
        }
        System.exit(0);
    }

    static Throwable cause(Throwable error) {
        return error.getCause() instanceof SQLException ? error.getCause() : null;
    }

    static String name(Throwable error) {
        String state = error instanceof SQLException sql && sql.getSQLState() != null ? " " + sql.getSQLState() : "";
        return error.getClass().getSimpleName() + state;
    }

    static int number(Throwable error) {
        return error instanceof SQLException sql ? sql.getErrorCode() : 0;
    }

    // As much of JSON as the orders and the secret need.

    static Login login(String json) {
        Matcher port = Pattern.compile("\"port\": *\"?(\\d+)").matcher(json);
        port.find();
        return new Login(text(json, "host"), Integer.parseInt(port.group(1)), text(json, "username"), text(json, "password"));
    }

    static String text(String json, String key) {
        Matcher found = Pattern.compile("\"" + key + "\": *\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
        return found.find() ? found.group(1).replaceAll("\\\\(.)", "$1") : "";
    }

    static String quote(String text) {
        String plain = text.substring(0, Math.min(300, text.length()));
        return "\"" + plain.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\s", " ") + "\"";
    }
}
