#include "tests/e2e/system.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

#include "httplib.h"
#include "platform/auth/jwt.h"
#include "tests/support/eventually.h"
#include "tests/support/process.h"

namespace e2e {
namespace {

// Then a process id and a dash: the folder of that test's system.
constexpr absl::string_view kFolderPrefix = "e2e-";

std::string Quoted(const std::string& value) {
  return absl::StrCat("'", absl::StrReplaceAll(value, {{"'", "'\\''"}}), "'");
}

// The detail of `type` (its short name) in an error's JSON, or null.
nlohmann::json Detail(const nlohmann::json& body, const std::string& type) {
  if (!body.is_object() || !body.contains("details")) return nullptr;
  for (const nlohmann::json& detail : body["details"]) {
    if (detail.value("@type", "") == "type.googleapis.com/google.rpc." + type) {
      return detail;
    }
  }
  return nullptr;
}

// The number after `name` and whatever is between them, e.g. in
// `"customer_id": 7` or `?customer_id=7`; 0 if there is none.
int NumberAfter(absl::string_view text, absl::string_view name) {
  const size_t at = text.find(name);
  if (at == absl::string_view::npos) return 0;
  const size_t begin = text.find_first_of("0123456789", at + name.size());
  if (begin == absl::string_view::npos) return 0;
  const size_t end = text.find_first_not_of("0123456789", begin);
  int number = 0;
  // What is no number here is the request's own trouble.
  if (!absl::SimpleAtoi(text.substr(begin, end - begin), &number)) return 0;
  return number;
}

// Takes down the systems of tests that crashed, or were killed.
void RemoveLeftovers() {
  for (const std::string& left : test_support::Leftovers(kFolderPrefix)) {
    const std::string folder = Quoted(left);
    RunCommand(absl::StrCat("RUN_DIR=", folder, " ", Quoted(SOURCE_DIR),
                            "/scripts/down --purge; rm -rf ", folder));
  }
}

}  // namespace

Ran RunCommand(const std::string& command) {
  Ran ran;
  FILE* pipe = popen(absl::StrCat(command, " 2>&1").c_str(), "r");
  if (pipe == nullptr) return {.exit_code = 127, .output = "popen failed"};
  std::array<char, 4096> buffer{};
  while (size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) {
    ran.output.append(buffer.data(), n);
  }
  const int status = pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return ran;
}

void Publish(platform::events::JetStream& jetstream,
             const platform::events::OutMessage& message) {
  const absl::Time end = absl::Now() + absl::Seconds(10);
  while (absl::Now() < end) {
    if (jetstream.PublishAll({message}, absl::Seconds(5))[0].ok()) return;
    absl::SleepFor(absl::Milliseconds(100));
  }
  std::fprintf(stderr, "could not publish to %s\n", message.subject.c_str());
  std::abort();
}

std::string Answer::Reason() const {
  const nlohmann::json info = Detail(body, "ErrorInfo");
  return info.is_object() ? info.value("reason", "") : "";
}

std::vector<std::string> Answer::BadFields() const {
  std::vector<std::string> fields;
  const nlohmann::json bad = Detail(body, "BadRequest");
  if (!bad.is_object()) return fields;
  for (const char* list : {"field_violations", "fieldViolations"}) {
    if (!bad.contains(list)) continue;
    for (const nlohmann::json& violation : bad[list]) {
      fields.push_back(violation.value("field", ""));
    }
  }
  return fields;
}

absl::Duration Answer::RetryDelay() const {
  const nlohmann::json retry = Detail(body, "RetryInfo");
  absl::Duration delay = absl::ZeroDuration();
  if (retry.is_object() &&
      !absl::ParseDuration(retry.value("retry_delay", ""), &delay)) {
    ADD_FAILURE() << retry.dump();
  }
  return delay;
}

std::string Answer::Header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

System::System(std::map<std::string, std::string> settings,
               const std::string& arguments) {
  static std::once_flag once;
  std::call_once(once, RemoveLeftovers);
  // What is to be kept is no leftover.
  std::string folder =
      absl::StrCat(test_support::TempBase(), "/",
                   getenv("KEEP_E2E") != nullptr ? "kept-" : "", kFolderPrefix,
                   getpid(), "-XXXXXX");
  if (mkdtemp(folder.data()) == nullptr) {
    std::perror("mkdtemp");
    std::abort();
  }
  run_dir_ = folder;
  settings["RUN_DIR"] = run_dir_;
  settings["BUILD_DIR"] = BINARY_DIR;
  for (const auto& [name, value] : settings) {
    absl::StrAppend(&environment_, name, "=", Quoted(value), " ");
  }
  const Ran up = Script("up --auto-ports " + arguments);
  if (up.exit_code != 0) {
    std::fprintf(stderr, "scripts/up failed (%d):\n%s\n", up.exit_code,
                 up.output.c_str());
    Script("down --purge");
    std::abort();
  }
  std::ifstream file(run_dir_ + "/env");
  for (std::string line; std::getline(file, line);) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos || line[0] == '#') continue;
    absl::string_view value = absl::string_view(line).substr(equals + 1);
    for (const char* quote : {"'", "\""}) {
      if (absl::ConsumePrefix(&value, quote))
        absl::ConsumeSuffix(&value, quote);
    }
    absl::string_view name = absl::string_view(line).substr(0, equals);
    absl::ConsumePrefix(&name, "export ");
    env_[std::string(name)] = std::string(value);
  }
}

System::~System() {
  // What failed can be looked at: KEEP_E2E=1 leaves the folder.
  const char* keep = getenv("KEEP_E2E");
  const Ran down = Script(keep != nullptr ? "down" : "down --purge");
  EXPECT_EQ(down.exit_code, 0) << down.output;
  if (keep == nullptr) RunCommand("rm -rf " + Quoted(run_dir_));
}

std::string System::operator[](const std::string& name) const {
  const auto found = env_.find(name);
  return found == env_.end() ? "" : found->second;
}

std::string System::Token(const std::string& role, const std::string& subject,
                          const nlohmann::json& claims) const {
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  nlohmann::json all = {{"iss", "restaurant"}, {"aud", "restaurant"},
                        {"sub", subject},      {"role", role},
                        {"nbf", now},          {"exp", now + 3600}};
  if (!claims.is_null()) all.merge_patch(claims);
  const std::string key =
      test_support::ReadFile((*this)["AUTH_DIR"] + "/people.pem");
  auto token = platform::auth::SignToken(key, "people", all.dump());
  if (!token.ok()) {
    std::fprintf(stderr, "no token: %s\n", token.status().ToString().c_str());
    std::abort();
  }
  return *std::move(token);
}

std::pair<std::string, std::string> System::As(
    const std::string& role, const std::string& subject) const {
  platform::MutexLock lock(mutex_);
  std::string& bearer = bearers_[absl::StrCat(role, " ", subject)];
  if (bearer.empty()) {
    nlohmann::json claims;
    if (role == "kitchen") {
      for (int i = 1; i <= 30; ++i) claims["restaurants"].push_back(i);
    }
    bearer = "Bearer " + Token(role, subject, claims);
  }
  return {"authorization", bearer};
}

std::pair<std::string, std::string> System::Sender(
    const std::string& path, const std::string& body) const {
  if (absl::StartsWith(path, "/orders") || absl::StartsWith(path, "/mypages")) {
    int customer = NumberAfter(path, "customer_id=");
    if (customer == 0) customer = NumberAfter(body, "\"customer_id\"");
    if (customer == 0) {
      platform::MutexLock lock(mutex_);
      for (const auto& [order, owner] : owners_) {
        if (absl::StrContains(path, order)) customer = owner;
      }
    }
    return As("customer", absl::StrCat(customer == 0 ? 1 : customer));
  }
  if (absl::StartsWith(path, "/cooks") ||
      absl::StartsWith(path, "/restaurants")) {
    return As("kitchen", "kitchen");
  }
  if (absl::StartsWith(path, "/deliveries")) return As("courier", "courier");
  return As("operator", "operator");
}

Answer System::Send(const std::string& method, const std::string& path,
                    const std::string& body, const Headers& headers) const {
  httplib::Client client((*this)["GATEWAY_URL"]);
  client.set_read_timeout(30, 0);
  client.set_url_encode(false);
  httplib::Request request;
  request.method = method;
  request.path = path;
  for (const auto& [name, value] : headers)
    request.headers.emplace(name, value);
  if (!request.has_header("authorization")) {
    request.headers.insert(Sender(path, body));
  } else if (request.get_header_value("authorization").empty()) {
    request.headers.erase("authorization");
  }
  if (!body.empty()) {
    request.body = body;
    if (!request.has_header("content-type")) {
      request.headers.emplace("content-type", "application/json");
    }
  }
  Answer answer;
  const httplib::Result result = client.send(request);
  if (!result) {
    answer.text = httplib::to_string(result.error());
    return answer;
  }
  answer.status = result->status;
  answer.text = result->body;
  answer.body = nlohmann::json::parse(result->body, nullptr,
                                      /*allow_exceptions=*/false);
  if (answer.body.is_discarded()) answer.body = nullptr;
  if (method == "POST" && path == "/orders" && answer.status == 200) {
    platform::MutexLock lock(mutex_);
    const nlohmann::json& order = answer.body["order"];
    owners_[order["order_id"]] = order["customer_id"];
  }
  for (const auto& [name, value] : result->headers) {
    answer.headers.emplace(absl::AsciiStrToLower(name), value);
  }
  return answer;
}

Answer System::Get(const std::string& path, const Headers& headers) const {
  return Send("GET", path, "", headers);
}
Answer System::Post(const std::string& path, const std::string& body,
                    const Headers& headers) const {
  return Send("POST", path, body, headers);
}
Answer System::Put(const std::string& path, const std::string& body) const {
  return Send("PUT", path, body, {});
}
Answer System::Delete(const std::string& path) const {
  return Send("DELETE", path, "", {});
}

Ran System::Script(const std::string& command) const {
  return RunCommand(absl::StrCat("cd ", Quoted(SOURCE_DIR), " && ",
                                 environment_, "scripts/", command));
}

Ran System::Command(const std::string& service,
                    const std::string& arguments) const {
  return Script(absl::StrCat("admin ", service, " ", arguments));
}

platform::events::JetStreamOptions System::BrokerAs(
    const std::string& user) const {
  std::ifstream file(absl::StrCat(run_dir_, "/secrets/nats-", user));
  std::string password;
  std::getline(file, password);
  return {.url = (*this)["NATS_URL"],
          .name = "e2e test",
          .user = user,
          .password = password};
}

void System::DeleteStream(const std::string& stream) const {
  const auto jetstream =
      platform::events::JetStream::Connect(BrokerAs("operator"));
  ASSERT_TRUE(jetstream.ok());
  ASSERT_TRUE(test_support::Eventually(
      absl::Seconds(5), [&] { return (*jetstream)->connected(); }));
  ASSERT_TRUE(
      (*jetstream)->Api("STREAM.DELETE." + stream, "", absl::Seconds(5)).ok());
}

bool System::ComesToRest() const {
  const auto jetstream =
      platform::events::JetStream::Connect(BrokerAs("provisioner"));
  if (!jetstream.ok()) return false;
  const auto taken = [&](const std::string& stream, const char* durable) {
    const auto info =
        (*jetstream)
            ->Api(absl::StrCat("CONSUMER.INFO.", stream, ".", durable), "",
                  absl::Seconds(2));
    if (!info.ok()) return false;
    const nlohmann::json consumer = nlohmann::json::parse(*info);
    return consumer["num_pending"] == 0 && consumer["num_ack_pending"] == 0;
  };
  const auto published = [&](const char* service) {
    return Sql(service,
               "SELECT count(*) FROM outbox WHERE published_at IS NULL") == "0";
  };
  return test_support::Eventually(absl::Seconds(20), [&] {
    return published("order") && taken("ORDER", "cook") &&
           taken("ORDER", "mypage") && published("cook") &&
           taken("COOK", "order") && taken("COOK", "delivery") &&
           taken("COOK", "mypage") && published("delivery") &&
           taken("DELIVERY", "order") && taken("DELIVERY", "mypage");
  });
}

std::string System::Sql(const std::string& service,
                        const std::string& sql) const {
  const std::string dsn =
      (*this)[absl::AsciiStrToUpper(service) + "_PG_OWNER_DSN"];
  Ran ran =
      RunCommand(absl::StrCat("psql -XAtq ", Quoted(dsn), " -c ", Quoted(sql)));
  EXPECT_EQ(ran.exit_code, 0) << sql << "\n" << ran.output;
  absl::StripTrailingAsciiWhitespace(&ran.output);
  return ran.output;
}

std::string System::Place(int customer, int restaurant, int menu,
                          int qty) const {
  const Answer answer =
      Post("/orders",
           absl::StrCat(R"({"customer_id":)", customer, R"(,"restaurant_id":)",
                        restaurant, R"(,"restaurant_menu_id":)", menu,
                        R"(,"qty":)", qty, "}"));
  if (answer.status != 200) return absl::StrCat("not placed: ", answer.text);
  return answer.body["order"]["order_id"];
}

void System::SetStock(int restaurant, int menu, int on_hand) const {
  const Answer answer =
      Put(absl::StrCat("/restaurants/", restaurant, "/menus/", menu, "/stock"),
          absl::StrCat(R"({"on_hand":)", on_hand, "}"));
  if (answer.status != 200) {
    std::fprintf(stderr, "SetStock: %d %s\n", answer.status,
                 answer.text.c_str());
  }
}

int System::Stock(int restaurant, int menu) const {
  const Answer answer =
      Get(absl::StrCat("/restaurants/", restaurant, "/menus/", menu, "/stock"));
  if (answer.status != 200) return -1;
  return answer.body["stock"]["on_hand"];
}

nlohmann::json System::Mypage(const std::string& order_id) const {
  const Answer answer = Get("/mypages/" + order_id);
  if (answer.status != 200) return nlohmann::json::object();
  return answer.body["mypage"];
}

std::string System::WaitFor(const std::string& order_id,
                            const std::string& field, const std::string& value,
                            absl::Duration timeout) const {
  const absl::Time end = absl::Now() + timeout;
  std::string seen;
  do {
    seen = Mypage(order_id).value(field, "");
    if (seen == value) return seen;
    absl::SleepFor(absl::Milliseconds(20));
  } while (absl::Now() < end);
  return seen;
}

}  // namespace e2e
