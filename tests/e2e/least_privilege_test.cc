// Who may do what, tried out: every identity of the running system, database
// roles and users of the broker, asks for what is not its own.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "tests/e2e/system.h"
#include "tests/support/eventually.h"
#include "tests/support/process.h"

namespace e2e {
namespace {

using test_support::Eventually;
using ::testing::AnyOf;
using ::testing::HasSubstr;

const std::vector<std::string>& Services() {
  static const std::vector<std::string> services = {"order", "cook", "delivery",
                                                    "mypage"};
  return services;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class LeastPrivilegeTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    system_ = std::make_unique<System>(std::map<std::string, std::string>{
        {"ORDER_FLAGS", "--reconcile_repair"}});
    // Something to read and to delete, everywhere.
    system_->SetStock(1, 1, 10);
    const std::string id = system_->Place(1, 1, 1, 1);
    ASSERT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
              "TICKET_STATUS_COOKING");
  }
  static void TearDownTestSuite() { system_.reset(); }

  static std::string Dsn(const std::string& service, const char* kind) {
    return (*system_)[absl::StrCat(absl::AsciiStrToUpper(service), kind)];
  }
  static std::string RuntimeDsn(const std::string& service) {
    return Dsn(service, "_PG_DSN");
  }
  static std::string OwnerDsn(const std::string& service) {
    return Dsn(service, "_PG_OWNER_DSN");
  }
  static std::string WithDatabase(const std::string& dsn,
                                  const std::string& database) {
    return absl::StrCat(dsn, " dbname=", database);  // the last one counts
  }
  static Ran Psql(const std::string& dsn, const std::string& sql) {
    return RunCommand(absl::StrCat("psql -XAtq -v ON_ERROR_STOP=1 -w -d \"",
                                   dsn, "\" -c \"", sql, "\""));
  }

  static std::unique_ptr<System> system_;
};

std::unique_ptr<System> LeastPrivilegeTest::system_;

TEST_F(LeastPrivilegeTest, ARuntimeRoleIsRefusedWhatServingDoesNotNeed) {
  std::map<std::string, std::vector<std::string>> own = {
      {"order",
       {"DELETE FROM orders", "UPDATE orders SET customer_id = 7",
        "UPDATE orders SET qty = 1"}},
      {"cook",
       {"DELETE FROM tickets", "UPDATE stock_ledger SET delta = 0",
        "DELETE FROM stock_ledger", "DELETE FROM stocks"}},
      {"delivery",
       {"DELETE FROM deliveries", "UPDATE deliveries SET customer_id = 7"}},
      {"mypage",
       {"DELETE FROM mypage_views", "SELECT FROM outbox",
        "INSERT INTO outbox_stream VALUES ('ORDER', now(), 1)"}},
  };
  const std::vector<std::string> everybody = {
      // DDL
      "CREATE TABLE mine (n int)", "CREATE SCHEMA mine",
      "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "ALTER TABLE outbox ADD COLUMN n int", "DROP TABLE inbox",
      "TRUNCATE outbox", "CREATE INDEX ON inbox (applied_at)",
      "CREATE ROLE mine", "CREATE DATABASE mine", "CREATE EXTENSION dblink",
      // the record of what happened
      "DELETE FROM outbox", "UPDATE outbox SET payload = ''",
      "UPDATE outbox SET event_id = gen_random_uuid()",
      "DELETE FROM dead_letters", "UPDATE dead_letters SET payload = ''",
      "DELETE FROM outbox_stream", "DELETE FROM schema_migrations",
      "UPDATE schema_migrations SET checksum = ''",
      // the server
      "SELECT pg_read_file('/etc/passwd')", "COPY (SELECT 1) TO PROGRAM 'cat'",
      "SELECT FROM pg_authid", "ALTER SYSTEM SET fsync = off",
      "SELECT pg_reload_conf()"};
  int asked = 0;
  for (const std::string& service : Services()) {
    std::vector<std::string> statements = everybody;
    for (const std::string& sql : own[service]) statements.push_back(sql);
    statements.push_back(
        absl::StrCat("SET ROLE restaurant_", service, "_owner"));
    for (const std::string& sql : statements) {
      const Ran ran = Psql(RuntimeDsn(service), sql);
      EXPECT_NE(ran.exit_code, 0) << service << ": " << sql;
      EXPECT_THAT(ran.output, AnyOf(HasSubstr("permission denied"),
                                    HasSubstr("must be owner"),
                                    HasSubstr("must be superuser")))
          << service << ": " << sql << "\n"
          << ran.output;
      ++asked;
    }
    // What it is there for, so that the refusals mean something.
    EXPECT_EQ(Psql(RuntimeDsn(service), "SELECT count(*) FROM inbox").exit_code,
              0);
  }
  std::printf("database roles: %d forbidden statements refused\n", asked);
}

TEST_F(LeastPrivilegeTest, RetentionForgetsNothingThatIsYoung) {
  const std::string count = "SELECT count(*) FROM outbox";
  ASSERT_TRUE(Eventually(absl::Seconds(10), [&] {
    return system_->Sql("order", count + " WHERE published_at IS NULL") == "0";
  }));
  const std::string before = system_->Sql("order", count);
  ASSERT_NE(before, "0");

  EXPECT_EQ(
      Psql(RuntimeDsn("order"), "SELECT forget_published(0, 1000)").output,
      "0\n");

  EXPECT_EQ(system_->Sql("order", count), before);
}

TEST_F(LeastPrivilegeTest, NoRoleGetsIntoAnotherDatabase) {
  for (const std::string& service : Services()) {
    std::vector<std::string> foreign = {"postgres", "template1"};
    for (const std::string& other : Services()) {
      if (other != service) foreign.push_back("restaurant_" + other);
    }
    for (const std::string& dsn : {RuntimeDsn(service), OwnerDsn(service)}) {
      for (const std::string& database : foreign) {
        const Ran ran = Psql(WithDatabase(dsn, database), "SELECT 1");
        EXPECT_NE(ran.exit_code, 0) << service << " in " << database;
        EXPECT_THAT(ran.output, HasSubstr("permission denied for database"))
            << service << " in " << database;
      }
    }
  }
}

TEST_F(LeastPrivilegeTest, ARoleHasAPasswordTimeoutsAndAConnectionLimit) {
  for (const std::string& service : Services()) {
    const std::string dsn = RuntimeDsn(service);
    EXPECT_THAT(Psql(dsn + " passfile=/dev/null", "SELECT 1").output,
                HasSubstr("no password supplied"));
    EXPECT_THAT(
        RunCommand("PGPASSWORD=wrong psql -XAtq -d \"" +
                   absl::StrCat(dsn, " passfile=/dev/null") + "\" -c '\\q'")
            .output,
        HasSubstr("password authentication failed"));
    EXPECT_EQ(Psql(dsn,
                   "SELECT current_setting('statement_timeout'), "
                   "current_setting('lock_timeout'), "
                   "current_setting('idle_in_transaction_session_timeout'), "
                   "rolconnlimit BETWEEN 1 AND 400, rolsuper, rolcreaterole, "
                   "rolcreatedb FROM pg_roles WHERE rolname = current_user")
                  .output,
              "5s|2s|10s|t|f|f|f\n");
  }
}

// A client that speaks the broker's protocol and sees every refusal.
class BrokerClient {
 public:
  explicit BrokerClient(const platform::events::JetStreamOptions& who) {
    const std::string address(absl::StripPrefix(who.url, "nats://127.0.0.1:"));
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(address, &port)) << who.url;
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    Send(absl::StrCat(R"(CONNECT {"verbose":false,"pedantic":false,"user":")",
                      who.user, R"(","pass":")", who.password,
                      R"(","headers":true})", "\r\n"));
  }
  ~BrokerClient() { close(fd_); }
  BrokerClient(const BrokerClient&) = delete;
  BrokerClient& operator=(const BrokerClient&) = delete;

  // Sends a line of the protocol; returns all that came back until the server
  // has seen to it.
  std::string Ask(const std::string& line) {
    Send(line + "\r\nPING\r\n");
    std::string answer;
    char buffer[4096];
    while (!absl::StrContains(answer, "PONG")) {
      const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return answer + "(closed)";
      answer.append(buffer, static_cast<size_t>(n));
    }
    return answer;
  }
  bool MayPublish(const std::string& subject) {
    return !absl::StrContains(Ask(absl::StrCat("PUB ", subject, " 0\r\n")),
                              "Permissions Violation for Publish");
  }
  bool MaySubscribe(const std::string& subject) {
    return !absl::StrContains(
        Ask(absl::StrCat("SUB ", subject, " ", ++subscriptions_)),
        "Permissions Violation for Subscription");
  }

 private:
  void Send(const std::string& text) const {
    EXPECT_EQ(send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  int fd_ = -1;
  int subscriptions_ = 0;
};

std::vector<std::string> BrokerUsers() {
  std::vector<std::string> users = {"provisioner"};
  for (const std::string& service : Services()) {
    users.push_back(service);
    users.push_back(service + "-admin");
  }
  return users;
}

// What each may publish, written down once more and by hand: the configuration
// is made from the services' declarations.
bool MayPublish(const std::string& user, const std::string& subject) {
  static const std::map<std::string, std::set<std::string>> may = {
      {"order",
       {"restaurant.order.x", "$JS.API.STREAM.INFO.ORDER",
        "$JS.API.CONSUMER.CREATE.ORDER.order-relay",
        "$JS.API.CONSUMER.DELETE.ORDER.order-relay",
        "$JS.API.CONSUMER.INFO.ORDER.order-relay",
        "$JS.API.CONSUMER.MSG.NEXT.ORDER.order-relay",
        "$JS.ACK.ORDER.order-relay.1.9.9.9.0",
        "$JS.API.CONSUMER.MSG.NEXT.COOK.order",
        "$JS.API.CONSUMER.MSG.NEXT.DELIVERY.order",
        "$JS.API.CONSUMER.INFO.COOK.order",
        "$JS.API.CONSUMER.INFO.DELIVERY.order", "$JS.ACK.COOK.order.1.9.9.9.0",
        "$JS.ACK.DELIVERY.order.1.9.9.9.0"}},
      {"cook",
       {"restaurant.cook.x", "$JS.API.STREAM.INFO.COOK",
        "$JS.API.CONSUMER.CREATE.COOK.cook-relay",
        "$JS.API.CONSUMER.DELETE.COOK.cook-relay",
        "$JS.API.CONSUMER.INFO.COOK.cook-relay",
        "$JS.API.CONSUMER.MSG.NEXT.COOK.cook-relay",
        "$JS.ACK.COOK.cook-relay.1.9.9.9.0",
        "$JS.API.CONSUMER.MSG.NEXT.ORDER.cook",
        "$JS.API.CONSUMER.INFO.ORDER.cook", "$JS.ACK.ORDER.cook.1.9.9.9.0"}},
      {"delivery",
       {"restaurant.delivery.x", "$JS.API.STREAM.INFO.DELIVERY",
        "$JS.API.CONSUMER.CREATE.DELIVERY.delivery-relay",
        "$JS.API.CONSUMER.DELETE.DELIVERY.delivery-relay",
        "$JS.API.CONSUMER.INFO.DELIVERY.delivery-relay",
        "$JS.API.CONSUMER.MSG.NEXT.DELIVERY.delivery-relay",
        "$JS.ACK.DELIVERY.delivery-relay.1.9.9.9.0",
        "$JS.API.CONSUMER.MSG.NEXT.COOK.delivery",
        "$JS.API.CONSUMER.INFO.COOK.delivery",
        "$JS.ACK.COOK.delivery.1.9.9.9.0"}},
      {"mypage",
       {"$JS.API.CONSUMER.MSG.NEXT.ORDER.mypage",
        "$JS.API.CONSUMER.MSG.NEXT.COOK.mypage",
        "$JS.API.CONSUMER.MSG.NEXT.DELIVERY.mypage",
        "$JS.API.CONSUMER.INFO.ORDER.mypage",
        "$JS.API.CONSUMER.INFO.COOK.mypage",
        "$JS.API.CONSUMER.INFO.DELIVERY.mypage",
        "$JS.ACK.ORDER.mypage.1.9.9.9.0", "$JS.ACK.COOK.mypage.1.9.9.9.0",
        "$JS.ACK.DELIVERY.mypage.1.9.9.9.0"}},
  };
  const auto own = may.find(user);
  if (own != may.end()) return own->second.contains(subject);
  if (user == "provisioner") {
    for (const char* what : {"STREAM.INFO", "STREAM.CREATE", "STREAM.UPDATE",
                             "CONSUMER.INFO", "CONSUMER.DURABLE.CREATE"}) {
      if (absl::StartsWith(subject, absl::StrCat("$JS.API.", what, "."))) {
        return true;
      }
    }
    return false;
  }
  // <service>-admin: what the service says, and one consumer called as itself
  // on its stream; mypage, which has none, on those it hears.
  static const std::map<std::string, std::pair<std::string, std::string>>
      admins = {{"order-admin", {"order", "ORDER"}},
                {"cook-admin", {"cook", "COOK"}},
                {"delivery-admin", {"delivery", "DELIVERY"}},
                {"mypage-admin", {"", "ORDER COOK DELIVERY"}}};
  const auto& [says, streams] = admins.at(user);
  if (!says.empty() && subject == absl::StrCat("restaurant.", says, ".x")) {
    return true;
  }
  for (const std::string& stream :
       std::vector<std::string>(absl::StrSplit(streams, ' '))) {
    if (subject == "$JS.API.STREAM.INFO." + stream ||
        absl::StartsWith(subject,
                         absl::StrCat("$JS.ACK.", stream, ".", user, "."))) {
      return true;
    }
    for (const char* what : {"CREATE", "DELETE", "INFO", "MSG.NEXT"}) {
      if (subject ==
          absl::StrCat("$JS.API.CONSUMER.", what, ".", stream, ".", user)) {
        return true;
      }
    }
  }
  return false;
}

// All that anybody could want of the broker. Streams and consumers that do not
// exist stand for those that do where asking would have an effect.
std::vector<std::string> Subjects() {
  std::vector<std::string> subjects = {"restaurant.x",
                                       "$JS.API.INFO",
                                       "$JS.API.STREAM.NAMES",
                                       "$JS.API.STREAM.LIST",
                                       "$JS.API.ACCOUNT.PURGE.$G",
                                       "$JS.API.META.LEADER.STEPDOWN",
                                       "$JS.FLOW.CONTROL.x",
                                       "$SYS.REQ.SERVER.PING",
                                       "$SYS.REQ.ACCOUNT.$G.CONNZ",
                                       "_INBOX.x"};
  for (const std::string& service : Services()) {
    subjects.push_back(absl::StrCat("restaurant.", service, ".x"));
    subjects.push_back(absl::StrCat("_INBOX_", service, ".x"));
  }
  for (const std::string stream : {"ORDER", "COOK", "DELIVERY"}) {
    for (const char* what :
         {"INFO", "CREATE", "UPDATE", "DELETE", "PURGE", "MSG.GET",
          "MSG.DELETE", "SNAPSHOT", "RESTORE", "LEADER.STEPDOWN"}) {
      subjects.push_back(absl::StrCat("$JS.API.STREAM.", what, ".", stream));
    }
    subjects.push_back("$JS.API.DIRECT.GET." + stream);
    subjects.push_back("$JS.API.DIRECT.GET." + stream + ".restaurant.order.x");
    subjects.push_back("$JS.API.CONSUMER.CREATE." + stream);
    subjects.push_back("$JS.API.CONSUMER.NAMES." + stream);
    subjects.push_back("$JS.API.CONSUMER.LIST." + stream);
    std::vector<std::string> consumers = BrokerUsers();
    consumers.emplace_back("new");
    for (const std::string& service : Services()) {
      consumers.push_back(service + "-relay");
    }
    for (const std::string& consumer : consumers) {
      for (const char* what : {"CREATE", "DURABLE.CREATE", "DELETE", "INFO",
                               "MSG.NEXT", "PAUSE", "UNPIN"}) {
        subjects.push_back(absl::StrCat("$JS.API.CONSUMER.", what, ".", stream,
                                        ".", consumer));
      }
      subjects.push_back(
          absl::StrCat("$JS.ACK.", stream, ".", consumer, ".1.9.9.9.0"));
    }
    subjects.push_back("$JS.API.CONSUMER.CREATE." + stream + ".new." +
                       "restaurant.order.ordered");
  }
  return subjects;
}

TEST_F(LeastPrivilegeTest, EachBrokerUserMayPublishItsOwnAndNothingElse) {
  const std::vector<std::string> subjects = Subjects();
  int refused = 0;
  for (const std::string& user : BrokerUsers()) {
    BrokerClient client(system_->BrokerAs(user));
    for (const std::string& subject : subjects) {
      if (MayPublish(user, subject)) continue;
      EXPECT_FALSE(client.MayPublish(subject)) << user << ": " << subject;
      ++refused;
    }
  }
  std::printf("broker: %zu users, %zu subjects, %d forbidden ones refused\n",
              BrokerUsers().size(), subjects.size(), refused);
  // Logged, too.
  EXPECT_THAT(ReadAll(system_->run_dir() + "/log/nats.log"),
              HasSubstr("Publish Violation"));
}

// What is allowed is not refused, as far as asking does no harm.
TEST_F(LeastPrivilegeTest, EachBrokerUserMayAskAboutItsOwn) {
  for (const std::string& user : BrokerUsers()) {
    BrokerClient client(system_->BrokerAs(user));
    for (const std::string& subject : Subjects()) {
      if (MayPublish(user, subject) && absl::StrContains(subject, ".INFO.")) {
        EXPECT_TRUE(client.MayPublish(subject)) << user << ": " << subject;
      }
    }
  }
}

TEST_F(LeastPrivilegeTest, EachBrokerUserHearsItsOwnInboxesAndNothingElse) {
  for (const std::string& user : BrokerUsers()) {
    BrokerClient client(system_->BrokerAs(user));
    EXPECT_TRUE(client.MaySubscribe(absl::StrCat("_INBOX_", user, ".x.>")));
    for (const std::string& subject : std::vector<std::string>{
             ">", "restaurant.>", "restaurant.order.ordered", "_INBOX.>",
             "_INBOX_*.>", "*.>", "$JS.>", "$SYS.>", "$JS.EVENT.ADVISORY.>",
             user == "order" ? "_INBOX_cook.>" : "_INBOX_order.>"}) {
      EXPECT_FALSE(client.MaySubscribe(subject)) << user << ": " << subject;
    }
  }
}

TEST_F(LeastPrivilegeTest, NobodyIsLetInWithoutAPassword) {
  platform::events::JetStreamOptions nobody = system_->BrokerAs("order");
  nobody.user = "";
  EXPECT_THAT(BrokerClient(nobody).Ask("PUB restaurant.order.x 0\r\n"),
              HasSubstr("Authorization Violation"));
  platform::events::JetStreamOptions guess = system_->BrokerAs("order");
  guess.password = "guess";
  EXPECT_THAT(BrokerClient(guess).Ask("PUB restaurant.order.x 0\r\n"),
              HasSubstr("Authorization Violation"));
}

// The subcommands do what they are for with no more than they are given.
TEST_F(LeastPrivilegeTest, OperatorsCommandsWork) {
  for (const std::string service : {"order", "cook", "delivery"}) {
    const Ran ran = system_->Command(service, "reconcile");
    EXPECT_EQ(ran.exit_code, 0) << service << ": " << ran.output;
  }
  const Ran rebuilt = system_->Command("mypage", "rebuild");
  EXPECT_EQ(rebuilt.exit_code, 0) << rebuilt.output;
  // The new tables are granted as the old ones were.
  const std::string id = system_->Place(1, 1, 1, 1);
  EXPECT_EQ(system_->WaitFor(id, "cook_status", "TICKET_STATUS_COOKING"),
            "TICKET_STATUS_COOKING");
  for (const std::string& service : Services()) {
    EXPECT_EQ(system_->Command(service, "migrate").exit_code, 0);
    EXPECT_EQ(system_->Command(service, "dead-letters list").exit_code, 0);
  }
}

// So does the relay that repairs its stream by itself.
TEST_F(LeastPrivilegeTest, AServiceMayRepairItsStream) {
  ASSERT_NO_FATAL_FAILURE(system_->DeleteStream("ORDER"));

  EXPECT_TRUE(Eventually(absl::Seconds(60), [&] {
    const Ran page = RunCommand("curl -s " + (*system_)["ORDER_METRICS_URL"]);
    return absl::StrContains(page.output, "\noutbox_repairs_total ") &&
           !absl::StrContains(page.output, "\noutbox_repairs_total 0");
  }));
  const Ran ran = system_->Command("order", "reconcile");
  EXPECT_EQ(ran.exit_code, 0) << ran.output;
}

// A service needs nothing of the machine but its network: it serves as nobody,
// without a capability, where nothing at all can be written to.
TEST_F(LeastPrivilegeTest, AServiceNeedsNoPrivilegeAndNothingToWriteTo) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "NOT RUN: making everything read-only takes root here";
  }
  // Its secrets where it may read them, as an orchestrator would mount them,
  // and a way to the private cluster's socket, which is its owner's alone.
  const std::string folder = system_->run_dir() + "/mounted";
  const std::string secrets = system_->run_dir() + "/secrets";
  const std::string dsn =
      absl::StrReplaceAll(RuntimeDsn("delivery"), {{secrets, folder}});
  ASSERT_THAT(dsn, HasSubstr(folder));
  const std::string socket = dsn.substr(5, dsn.find(' ') - 5);  // host=…
  const Ran prepared = RunCommand(absl::StrCat(
      "set -e; chmod 711 ", system_->run_dir(), " ", socket, " ", socket,
      "/..; mkdir ", folder, "; cp ", secrets, "/nats-delivery ", secrets,
      "/postgres-restaurant_delivery ", folder, "; chown -R nobody ", folder));
  ASSERT_EQ(prepared.exit_code, 0) << prepared.output;
  const std::string port = absl::StrCat(test_support::FreePort());
  const std::string script = absl::StrCat(
      "set -e; mount --make-rprivate /; "
      "cut -d' ' -f2 /proc/self/mounts | while read -r m; do "
      "  mount -o remount,bind,ro \"$m\" 2>/dev/null || true; done; "
      "if touch /tmp/x /dev/shm/x ",
      folder,
      "/x 2>/dev/null; then "
      "  echo STILL WRITABLE; exit 9; fi; "
      "exec setpriv --reuid=65534 --regid=65534 --clear-groups "
      "--no-new-privs --bounding-set=-all --inh-caps=-all ",
      BINARY_DIR,
      "/bin/delivery --auth=off --core_dumps=false --listen=127.0.0.1:", port,
      " --metrics_listen=127.0.0.1:0 '--pg_dsn=", dsn,
      "' --nats_url=", (*system_)["NATS_URL"],
      " --nats_user=delivery --nats_password_file=", folder, "/nats-delivery");
  const std::string log = testing::TempDir() + "/unprivileged.log";
  test_support::Process service(test_support::ProcessOptions{
      .command = {"unshare", "--mount", "bash", "-c", script}, .output = log});

  EXPECT_TRUE(Eventually(absl::Seconds(30), [&] {
    return !service.running() ||
           absl::StrContains(
               RunCommand(absl::StrCat(SOURCE_DIR
                                       "/.tools/bin/grpcurl -plaintext "
                                       "-max-time 2 127.0.0.1:",
                                       port, " grpc.health.v1.Health/Check"))
                   .output,
               "\"SERVING\"");
  }));
  EXPECT_TRUE(service.running()) << ReadAll(log);
  EXPECT_THAT(
      RunCommand(absl::StrCat("grep -E 'Uid|CapEff|NoNewPrivs' /proc/",
                              service.pid(), "/status"))
          .output,
      ::testing::AllOf(HasSubstr("65534"), HasSubstr("0000000000000000"),
                       HasSubstr("NoNewPrivs:\t1")));
  service.Signal(SIGTERM);
  EXPECT_EQ(service.Wait(absl::Seconds(30)), 0) << ReadAll(log);
  RunCommand("rm -f " + log);
}

// A password is in its file and nowhere else.
TEST_F(LeastPrivilegeTest, SecretsAreInTheirFilesOnly) {
  namespace fs = std::filesystem;
  std::vector<std::string> passwords;
  for (const auto& entry :
       fs::directory_iterator(system_->run_dir() + "/secrets")) {
    if (!entry.is_regular_file()) continue;
    struct stat status {};
    ASSERT_EQ(stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << entry.path();
    const std::string name = entry.path().filename();
    if (!absl::StartsWith(name, "nats-") &&
        !absl::StartsWith(name, "postgres-")) {
      continue;
    }
    const std::string text = ReadAll(entry.path());
    const std::vector<std::string> parts = absl::StrSplit(
        absl::StripTrailingAsciiWhitespace(text), ':');  // *:*:*:role:password
    passwords.push_back(parts.back());
    ASSERT_GE(parts.back().size(), 32U) << name;
  }
  // The operator's is one more.
  ASSERT_EQ(passwords.size(), BrokerUsers().size() + 1 + 2 * Services().size());

  std::vector<std::string> places = {system_->run_dir() + "/env",
                                     system_->run_dir() + "/nats/nats.conf"};
  for (const auto& entry :
       fs::directory_iterator(system_->run_dir() + "/log")) {
    places.push_back(entry.path());
  }
  for (const auto& entry :
       fs::directory_iterator(system_->run_dir() + "/pids")) {
    const std::string pid(
        absl::StripAsciiWhitespace(ReadAll(entry.path().string())));
    places.push_back("/proc/" + pid + "/cmdline");
    places.push_back("/proc/" + pid + "/environ");
  }
  ASSERT_GT(places.size(), 20U);
  for (const std::string& place : places) {
    const std::string text = ReadAll(place);
    for (const std::string& password : passwords) {
      EXPECT_FALSE(absl::StrContains(text, password)) << place;
    }
  }
}

}  // namespace
}  // namespace e2e
