# mysql2: a login for each connection.

require "json"
require "mysql2"
require "open3"
require "tempfile"

# The login that is current now: user name and password, host and port.
def read_login
  command = %w[aws secretsmanager get-secret-value --query SecretString --output text --secret-id]
  answer, = Open3.capture2(*command, ENV.fetch("SECRET"))
  JSON.parse(answer)
end

def connect(login, tls)
  options = { host: login["host"], port: login["port"].to_i, username: login["username"], password: login["password"] }
  options.update(ssl_mode: :verify_ca, sslca: ENV.fetch("CA_FILE")) if tls
  Mysql2::Client.new(connect_timeout: 10, **options)
end

def current_user(connection)
  connection.query("SELECT CURRENT_USER(), CONNECTION_ID()", as: :array).first
end

# Logs in, asks who it is, and ends the session.
def once(connection)
  current_user(connection)
ensure
  connection.close
end

def of_option_file(text)
  Tempfile.create do |file|
    file.write(text)
    file.flush
    Mysql2::Client.new(default_file: file.path, default_group: "client")
  end
end

$stdout.sync = true
pools = {}
STDIN.each_line do |line|
  order = JSON.parse(line)
  ok =
    case order["do"]
    when "version" then Mysql2::VERSION
    when "forms" then { "option file" => "[client]\nuser=USER\npassword=PASSWORD\nhost=HOST\nport=PORT\n" }
    when "login" then once(connect(order["login"], order["tls"]))
    when "paste" then once(of_option_file(order["text"]))
    when "open"
      pools[order["pool"]] = { login: order["login"], held: [] }
      nil
    when "take"
      pool = pools.fetch(order["pool"])
      pool[:held] << connect(pool[:login] || read_login, true)
      current_user(pool[:held].last)
    when "held" then pools.fetch(order["pool"])[:held].map { |one| current_user(one) }
    end
  puts JSON.generate({ ok: ok })
rescue StandardError => error
  number = error.respond_to?(:errno) ? error.errno : nil
  puts JSON.generate({ error: error.class.name, number: number, message: error.message[0, 300] })
end
