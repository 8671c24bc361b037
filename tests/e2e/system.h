// A whole system of its own: Postgres, nats-server, provisioner, the four
// services and Envoy, started by scripts/up in a folder and on ports of its
// own.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

#include "platform/events/jetstream.h"
#include "platform/thread/mutex.h"

namespace e2e {

// Nobody has an order, a ticket, … of this id.
constexpr char kUnknownId[] = "01890000-0000-7000-8000-00000000abcd";

// What a command printed, both streams, and its exit code.
struct Ran {
  int exit_code = 0;
  std::string output;
};
Ran RunCommand(const std::string& command);

// Publishes one message to JetStream as it is; aborts if it was not stored.
void Publish(platform::events::JetStream& jetstream,
             const platform::events::OutMessage& message);

// An HTTP answer.
struct Answer {
  int status = 0;
  nlohmann::json body;  // null if it was no JSON
  std::string text;
  std::multimap<std::string, std::string> headers;  // names in lower case

  // `reason` of the answer's ErrorInfo, or "".
  std::string Reason() const;
  // Fields named by the answer's BadRequest.
  std::vector<std::string> BadFields() const;
  // What the answer's RetryInfo says, zero without one.
  absl::Duration RetryDelay() const;
  std::string Header(const std::string& name) const;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

class System {
 public:
  // `settings` are environment variables of scripts/up, e.g.
  // {{"COOK_FLAGS", "--auto_cook_after=1s"}}, `arguments` further ones of its
  // command line. Aborts if it does not come up. The systems of tests that
  // crashed are taken down first.
  explicit System(std::map<std::string, std::string> settings = {},
                  const std::string& arguments = "");
  // The test fails if a part of it does not end well.
  ~System();
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  // A value of the running system's env file, e.g. "GATEWAY_URL".
  std::string operator[](const std::string& name) const;

  // Each request comes from whoever may send it: the customer whose order or
  // list it is, the kitchen, a courier, an operator. A header `authorization`
  // says otherwise; an empty one means no token.
  Answer Get(const std::string& path, const Headers& headers = {}) const;
  Answer Post(const std::string& path, const std::string& body,
              const Headers& headers = {}) const;
  Answer Put(const std::string& path, const std::string& body) const;
  Answer Delete(const std::string& path) const;

  // A token that is valid for an hour, with further claims, or with other
  // values of those that it has (null removes one).
  std::string Token(const std::string& role, const std::string& subject,
                    const nlohmann::json& claims = {}) const;
  // `authorization` of such a token, for requests; for a kitchen, of
  // restaurants 1 to 30.
  std::pair<std::string, std::string> As(const std::string& role,
                                         const std::string& subject) const;

  // Runs scripts/<command> on this system.
  Ran Script(const std::string& command) const;
  // Runs a subcommand of a service's binary with that service's settings, e.g.
  // ("mypage", "rebuild").
  Ran Command(const std::string& service, const std::string& arguments) const;
  // How to connect to the broker as one of its users, e.g. "order".
  platform::events::JetStreamOptions BrokerAs(const std::string& user) const;
  // Deletes one of the broker's streams, as an operator.
  void DeleteStream(const std::string& stream) const;
  // Waits until all events were published and taken; false if they are not
  // within 20 s.
  bool ComesToRest() const;
  // Runs SQL on a service's database, as its owner; the rows as text, columns
  // by '|'. What fails there fails the test.
  std::string Sql(const std::string& service, const std::string& sql) const;

  // Places an order through the gateway and returns its id.
  std::string Place(int customer, int restaurant, int menu, int qty) const;
  void SetStock(int restaurant, int menu, int on_hand) const;
  int Stock(int restaurant, int menu) const;
  // The view of an order, `{}` while there is none.
  nlohmann::json Mypage(const std::string& order_id) const;
  // Waits until the view's `field` is `value`; returns the last value seen.
  std::string WaitFor(const std::string& order_id, const std::string& field,
                      const std::string& value,
                      absl::Duration timeout = absl::Seconds(10)) const;

  const std::string& run_dir() const { return run_dir_; }

 private:
  Answer Send(const std::string& method, const std::string& path,
              const std::string& body, const Headers& headers) const;

  // Who may send this request.
  std::pair<std::string, std::string> Sender(const std::string& path,
                                             const std::string& body) const;

  std::string run_dir_;
  mutable platform::Mutex mutex_;
  // Whose the orders are that were placed through this object.
  mutable std::map<std::string, int> owners_ ABSL_GUARDED_BY(mutex_);
  // Made by As(), by role and subject.
  mutable std::map<std::string, std::string> bearers_ ABSL_GUARDED_BY(mutex_);
  std::string environment_;  // `NAME='value' …` in front of a command
  std::map<std::string, std::string> env_;
};

}  // namespace e2e
