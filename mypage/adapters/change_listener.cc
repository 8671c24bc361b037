#include "mypage/adapters/change_listener.h"

#include <poll.h>

#include <utility>

#include "absl/time/time.h"

#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/pg/connection.h"
#include "platform/pg/pool.h"

namespace mypage {
namespace {

// Between two tries to connect.
constexpr absl::Duration kReconnectPause = absl::Milliseconds(500);
// A connection that is silent for so long is asked whether it lives.
constexpr absl::Duration kSilence = absl::Seconds(3);

// True if one of `fds` became readable within `timeout`.
bool IsReadable(pollfd* fds, nfds_t count, absl::Duration timeout) {
  return poll(fds, count,
              static_cast<int>(absl::ToInt64Milliseconds(timeout))) > 0;
}

class Ear final : public pqxx::notification_receiver {
 public:
  Ear(pqxx::connection& connection, WatchHub& hub)
      : pqxx::notification_receiver(connection, kChangeChannel), hub_(hub) {}
  void operator()(const std::string& payload, int /*pid*/) override {
    hub_.Changed(ParsePayload(payload));
  }

 private:
  WatchHub& hub_;
};

}  // namespace

ChangeListener::ChangeListener(std::string dsn, WatchHub& hub)
    : dsn_(std::move(dsn)), hub_(hub), thread_([this] { Run(); }) {}

ChangeListener::~ChangeListener() {
  stop_.Set();
  thread_.join();
}

bool ChangeListener::stopping() const {
  pollfd fd = {stop_.fd(), POLLIN, 0};
  return IsReadable(&fd, 1, absl::ZeroDuration());
}

void ChangeListener::Run() {
  prometheus::Gauge& listening = platform::metrics::Gauge(
      "watch_listening", "1 while changes of views are heard of.");
  bool lost = false;
  while (!stopping()) {
    try {
      platform::pg::Connection connection(dsn_);
      Ear ear(connection, hub_);
      if (lost) platform::log::Info("changes of views are heard of again");
      lost = false;
      listening.Set(1);
      hub_.SetListening(true);
      Listen(connection);
    } catch (...) {
      const absl::Status status = platform::pg::StatusOfCurrentException();
      listening.Set(0);
      hub_.SetListening(false);
      if (!lost) {
        platform::log::Warning("changes of views are not heard of",
                               {{"error", status.ToString()}});
      }
      lost = true;
      pollfd fd = {stop_.fd(), POLLIN, 0};
      IsReadable(&fd, 1, kReconnectPause);
    }
  }
  listening.Set(0);
}

void ChangeListener::Listen(pqxx::connection& connection) {
  while (true) {
    pollfd fds[] = {{connection.sock(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}};
    if (IsReadable(fds, 2, kSilence)) {
      if (fds[1].revents != 0) return;
    } else {
      pqxx::nontransaction(connection).exec("SELECT");
    }
    connection.get_notifs();
  }
}

}  // namespace mypage
