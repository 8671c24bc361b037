#include "tests/integration/order/cutting_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <pqxx/pqxx>

namespace order {
namespace {

void SendAll(int to, const char* data, ssize_t size) {
  while (size > 0) {
    const ssize_t sent =
        send(to, data, static_cast<size_t>(size), MSG_NOSIGNAL);
    if (sent <= 0) return;
    data += sent;
    size -= sent;
  }
}

}  // namespace

class CuttingProxy::Impl {
 public:
  explicit Impl(const std::string& dsn) {
    pqxx::connection direct(dsn);
    host_ = direct.hostname() == nullptr ? "" : direct.hostname();
    port_ = direct.port();
    database_ = direct.dbname();
    user_ = direct.username();

    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, generic, size) != 0 || listen(listener_, 16) != 0 ||
        getsockname(listener_, generic, &size) != 0) {
      std::abort();
    }
    own_port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }

  ~Impl() {
    stopping_.store(true);
    acceptor_.join();
    for (std::thread& pump : pumps_) pump.join();
    close(listener_);
  }

  std::string dsn() const {
    return absl::StrCat("host=127.0.0.1 port=", own_port_,
                        " dbname=", database_, " user=", user_,
                        " sslmode=disable gssencmode=disable");
  }

  void CutAnswerTo(const std::string& text, int count) {
    std::lock_guard lock(mutex_);
    text_ = text;
    count_ = count;
  }
  int cuts() const { return cuts_.load(); }

 private:
  bool Readable(int fd) {
    pollfd waiting{fd, POLLIN, 0};
    return poll(&waiting, 1, 20) > 0;
  }

  void Accept() {
    while (!stopping_.load()) {
      if (!Readable(listener_)) continue;
      const int client = accept(listener_, nullptr, nullptr);
      const int server = Connect();
      pumps_.emplace_back([this, client, server] { Pump(client, server); });
    }
  }

  int Connect() const {
    if (absl::StartsWith(host_, "/") || host_.empty()) {
      const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      const std::string path = absl::StrCat(
          host_.empty() ? "/var/run/postgresql" : host_, "/.s.PGSQL.", port_);
      std::strncpy(address.sun_path, path.c_str(),
                   sizeof(address.sun_path) - 1);
      if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) !=
          0) {
        std::abort();
      }
      return fd;
    }
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(port_)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) !=
        0) {
      std::abort();
    }
    return fd;
  }

  bool ShallCut(const std::string& request) {
    std::lock_guard lock(mutex_);
    if (count_ == 0 || !absl::StrContains(request, text_)) return false;
    --count_;
    return true;
  }

  void Pump(int client, int server) {
    std::vector<char> buffer(1 << 16);
    bool cut = false;
    while (!stopping_.load()) {
      pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      if (poll(both, 2, 20) <= 0) continue;
      if (both[0].revents != 0) {
        const ssize_t size = read(client, buffer.data(), buffer.size());
        if (size <= 0) break;
        cut |= ShallCut(std::string(buffer.data(), static_cast<size_t>(size)));
        SendAll(server, buffer.data(), size);
      }
      if (both[1].revents != 0) {
        const ssize_t size = read(server, buffer.data(), buffer.size());
        if (size <= 0) break;
        if (cut) {
          cuts_.fetch_add(1);
          break;
        }
        SendAll(client, buffer.data(), size);
      }
    }
    close(client);
    close(server);
  }

  std::string host_, port_, database_, user_;
  int listener_ = -1;
  int own_port_ = 0;
  std::mutex mutex_;
  std::string text_;
  int count_ = 0;
  std::atomic<int> cuts_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread acceptor_;
  std::vector<std::thread> pumps_;
};

CuttingProxy::CuttingProxy(const std::string& dsn)
    : impl_(std::make_unique<Impl>(dsn)) {}
CuttingProxy::~CuttingProxy() = default;
std::string CuttingProxy::dsn() const { return impl_->dsn(); }
void CuttingProxy::CutAnswerTo(const std::string& text, int count) {
  impl_->CutAnswerTo(text, count);
}
int CuttingProxy::cuts() const { return impl_->cuts(); }

}  // namespace order
