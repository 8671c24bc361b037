#include "platform/events/jetstream.h"

#include <nats/nats.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"

#include "platform/config/common_flags.h"
#include "platform/log/log.h"
#include "platform/thread/mutex.h"

namespace platform::events {
namespace {

// How long the server holds a request for more while there is nothing to send,
// and how much later we take it for lost (the server restarted, say).
constexpr absl::Duration kPullExpires = absl::Seconds(5);
constexpr absl::Duration kPullLost = absl::Seconds(1);
// How soon a wait notices that the connection it waits on is not the same.
constexpr absl::Duration kNotice = absl::Milliseconds(500);
// What keeps a loop around a failing call from spinning.
constexpr absl::Duration kPause = absl::Milliseconds(100);
// Between two connections in the place of one that was given up.
constexpr absl::Duration kMakePause = absl::Seconds(2);

template <auto Destroy>
struct Deleter {
  template <class T>
  void operator()(T* handle) const {
    Destroy(handle);
  }
};
// Shared: what was made with it outlives its use.
using Connection = std::shared_ptr<natsConnection>;
using Options = std::unique_ptr<natsOptions, Deleter<natsOptions_Destroy>>;
using NatsMessage = std::unique_ptr<natsMsg, Deleter<natsMsg_Destroy>>;

// Messages that are done with. The library frees them on a thread of its own,
// which every one that goes wakes; those that go together wake it once. So some
// are kept. Not thread-safe.
class Spent {
 public:
  void Add(natsMsg* message) {
    bytes_ += natsMsg_GetDataLength(message);
    messages_.emplace_back(message);
  }
  // Lets go what Add() took, if it is enough.
  void Sweep() {
    if (messages_.size() < kEnough && bytes_ < kEnoughBytes) return;
    messages_.clear();
    bytes_ = 0;
  }

 private:
  static constexpr size_t kEnough = 256;
  static constexpr int64_t kEnoughBytes = 1 << 20;

  std::vector<NatsMessage> messages_;
  int64_t bytes_ = 0;
};

// The library's reading thread may still hold a subscription that somebody else
// destroys, and then works on freed memory (nats.c issue 637, mended in 3.6).
// So one is taken back first, and destroyed when the server has said that
// nothing more can come for it.
struct SubscriptionCloser {
  void operator()(natsSubscription* subscription) const {
    natsSubscription_Unsubscribe(subscription);
    if (natsConnection_Status(connection.get()) == NATS_CONN_STATUS_CONNECTED) {
      natsConnection_FlushTimeout(connection.get(), 1000);
    }
    natsSubscription_Destroy(subscription);
  }
  Connection connection;
};
using NatsSubscription = std::unique_ptr<natsSubscription, SubscriptionCloser>;

int64_t Millis(absl::Duration duration) {
  return std::max<int64_t>(absl::ToInt64Milliseconds(duration), 0);
}

absl::Status ToStatus(natsStatus status, absl::string_view what) {
  if (status == NATS_OK) return absl::OkStatus();
  const std::string text =
      absl::StrCat("NATS: ", what, ": ", natsStatus_GetText(status));
  if (status == NATS_INVALID_ARG || status == NATS_MAX_PAYLOAD)
    return absl::InvalidArgumentError(text);
  return absl::UnavailableError(text);
}

// `error` of a JetStream answer.
absl::Status OfApiError(const nlohmann::json& error) {
  const std::string text = error.value("description", "JetStream error");
  switch (error.value("code", 500)) {
    case 404:
      return absl::NotFoundError(text);
    case 400:
      return absl::InvalidArgumentError(text);
    case 503:
      return absl::UnavailableError(text);
    default:
      return absl::InternalError(text);
  }
}

absl::StatusOr<PublishAck> ParseAck(natsMsg* message) {
  const nlohmann::json ack = nlohmann::json::parse(
      natsMsg_GetData(message),
      natsMsg_GetData(message) + natsMsg_GetDataLength(message), nullptr,
      /*allow_exceptions=*/false);
  if (!ack.is_object()) return absl::InternalError("unreadable ack");
  if (ack.contains("error")) return OfApiError(ack["error"]);
  return PublishAck{.stream = ack.value("stream", ""),
                    .sequence = ack.value("seq", uint64_t{0}),
                    .duplicate = ack.value("duplicate", false)};
}

std::vector<std::pair<std::string, std::string>> HeadersOf(natsMsg* message) {
  std::vector<std::pair<std::string, std::string>> headers;
  const char** keys = nullptr;
  int count = 0;
  if (natsMsgHeader_Keys(message, &keys, &count) != NATS_OK) return headers;
  for (int i = 0; i < count; ++i) {
    const char* value = nullptr;
    if (natsMsgHeader_Get(message, keys[i], &value) == NATS_OK) {
      headers.emplace_back(keys[i], value == nullptr ? "" : value);
    }
  }
  free(keys);  // NOLINT: allocated by the C library
  return headers;
}

// $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.
// <pending>, or with <domain>.<account> after ACK and a token at the end.
void ParseReply(InMessage& message) {
  const std::vector<absl::string_view> tokens =
      absl::StrSplit(message.reply, '.');
  if (tokens.size() < 9 || tokens[0] != "$JS" || tokens[1] != "ACK") return;
  const size_t base = tokens.size() == 9 ? 4 : 6;
  if (tokens.size() < base + 5) return;
  uint64_t delivered = 0;
  uint64_t sequence = 0;
  uint64_t pending = 0;
  if (absl::SimpleAtoi(tokens[base], &delivered) &&
      absl::SimpleAtoi(tokens[base + 1], &sequence) &&
      absl::SimpleAtoi(tokens[base + 4], &pending)) {
    message.delivered = delivered;
    message.stream_sequence = sequence;
    message.pending = pending;
  }
}

InMessage ToInMessage(natsMsg* message) {
  const char* const reply = natsMsg_GetReply(message);
  InMessage result{.subject = natsMsg_GetSubject(message),
                   .reply = reply == nullptr ? "" : reply,
                   .headers = HeadersOf(message),
                   .payload = std::string(
                       natsMsg_GetData(message),
                       static_cast<size_t>(natsMsg_GetDataLength(message)))};
  ParseReply(result);
  return result;
}

constexpr char kInboxPrefix[] = "_INBOX";

std::string InboxPrefix(const std::string& user) {
  return user.empty() ? kInboxPrefix : absl::StrCat(kInboxPrefix, "_", user);
}

// The library makes them unique; it puts the connection's own prefix only
// before inboxes that it does not show.
std::string NewInbox(const std::string& prefix) {
  natsInbox* inbox = nullptr;
  if (natsInbox_Create(&inbox) != NATS_OK) std::abort();  // out of memory
  absl::string_view unique = inbox;
  absl::ConsumePrefix(&unique, kInboxPrefix);
  std::string name = absl::StrCat(prefix, unique);
  natsInbox_Destroy(inbox);
  return name;
}

void OnDisconnected(natsConnection* /*connection*/, void* /*closure*/) {
  log::Warning("NATS connection lost");
}

void OnReconnected(natsConnection* /*connection*/, void* /*closure*/) {
  log::Info("NATS connected");
}

// True while the connection is up.
bool IsConnected(const Connection& connection) {
  return natsConnection_Status(connection.get()) == NATS_CONN_STATUS_CONNECTED;
}

// The connection to the broker. The library reconnects by itself, but gives a
// connection up for good if the server refuses it: twice the user, or once
// because there are too many, say. That may be mended while we run, so then
// another connection is made. Thread-safe.
class Link {
 public:
  explicit Link(Options options) : options_(std::move(options)) {}
  ~Link() { natsConnection_FlushTimeout(connection_.get(), 500); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Once, before anything else: makes the first connection. It is there if this
  // returns NATS_OK or NATS_NOT_YET_CONNECTED.
  natsStatus Connect() { return Make(); }

  // The connection to use now. It may be one that was given up, for others are
  // not made all the time. Takes as long as a connect if one is; who comes
  // meanwhile does not wait.
  Connection Get() {
    {
      MutexLock lock(mutex_);
      const natsConnStatus status = natsConnection_Status(connection_.get());
      if (status == NATS_CONN_STATUS_CONNECTED) said_.clear();
      if (status != NATS_CONN_STATUS_CLOSED || making_ || absl::Now() < next_) {
        return connection_;
      }
      making_ = true;
      SayWhyItWasGivenUp();
    }
    if (Make() == NATS_OK) log::Info("NATS connected");
    MutexLock lock(mutex_);
    return connection_;
  }

 private:
  // Once for each cause, not once for each try.
  void SayWhyItWasGivenUp() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const char* text = nullptr;
    natsConnection_GetLastError(connection_.get(), &text);
    const std::string why = text == nullptr ? "" : text;
    if (why == said_) return;
    log::Error("the broker refuses the connection; it is tried again",
               {{"cause", why}});
    said_ = why;
  }

  natsStatus Make() {
    natsConnection* raw = nullptr;
    const natsStatus status = natsConnection_Connect(&raw, options_.get());
    MutexLock lock(mutex_);
    if (raw != nullptr) connection_ = {raw, natsConnection_Destroy};
    next_ = absl::Now() + kMakePause;
    making_ = false;
    return status;
  }

  const Options options_;
  Mutex mutex_;
  Connection connection_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool making_ ABSL_GUARDED_BY(mutex_) = false;
  std::string said_ ABSL_GUARDED_BY(mutex_);
};

// Tells the sessions of one connection apart: what waited at the server is lost
// with its own.
class Epoch {
 public:
  Epoch() {
    natsStatistics* raw = nullptr;
    if (natsStatistics_Create(&raw) != NATS_OK) std::abort();  // out of memory
    statistics_.reset(raw);
  }

  // How often the library has reconnected.
  uint64_t Of(const Connection& connection) const {
    uint64_t reconnects = 0;
    natsConnection_GetStats(connection.get(), statistics_.get());
    natsStatistics_GetCounts(statistics_.get(), nullptr, nullptr, nullptr,
                             nullptr, &reconnects);
    return reconnects;
  }

 private:
  std::unique_ptr<natsStatistics, Deleter<natsStatistics_Destroy>> statistics_;
};

absl::StatusOr<NatsSubscription> Subscribe(const Connection& connection,
                                           const std::string& subject) {
  natsSubscription* raw = nullptr;
  const natsStatus status =
      natsConnection_SubscribeSync(&raw, connection.get(), subject.c_str());
  NatsSubscription subscription(raw, {connection});
  if (status != NATS_OK) return ToStatus(status, "subscribe");
  natsSubscription_SetPendingLimits(raw, -1, -1);  // bounded by what we ask
  return subscription;
}

class NatsPull final : public JetStream::Pull {
 public:
  // `link` must outlive it.
  NatsPull(Link& link, std::string subject, std::string inbox_prefix)
      : link_(link),
        subject_(std::move(subject)),
        inbox_prefix_(std::move(inbox_prefix)) {}

  // Before anything else, and whenever the connection is another one: an inbox
  // there.
  absl::Status Bind(const Connection& connection) {
    std::string inbox = NewInbox(inbox_prefix_);
    absl::StatusOr<NatsSubscription> subscription =
        Subscribe(connection, inbox);
    if (!subscription.ok()) return subscription.status();
    connection_ = connection;
    inbox_ = std::move(inbox);
    subscription_ = *std::move(subscription);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<InMessage>> Next(int max,
                                              absl::Duration wait) override {
    const absl::Time end = absl::Now() + wait;
    std::vector<InMessage> messages;
    spent_.Sweep();
    while (static_cast<int>(messages.size()) < max) {
      const absl::Time now = absl::Now();
      if (outstanding_ == 0 || now > lost_after_ ||
          epoch_.Of(connection_) != asked_in_) {
        if (!messages.empty()) break;
        if (absl::Status asked = Ask(max); !asked.ok()) {
          absl::SleepFor(std::min(kPause, wait));
          return asked;
        }
      }
      const absl::Duration patience =
          messages.empty() ? std::min(std::min(end, lost_after_) - now, kNotice)
                           : absl::ZeroDuration();
      natsMsg* raw = nullptr;
      const natsStatus status =
          natsSubscription_NextMsg(&raw, subscription_.get(), Millis(patience));
      if (raw != nullptr) spent_.Add(raw);
      if (status == NATS_TIMEOUT) {
        if (!messages.empty() || absl::Now() >= end) break;
        continue;
      }
      if (status != NATS_OK) {
        outstanding_ = 0;
        if (!messages.empty()) break;
        absl::SleepFor(std::min(kPause, wait));
        // Nobody hears requests for this consumer. The library keeps the
        // message that says so to itself.
        if (status == NATS_NO_RESPONDERS) return NoConsumer();
        return ToStatus(status, "pull");
      }
      if (IsDelivery(raw)) {
        --outstanding_;
        messages.push_back(ToInMessage(raw));
        continue;
      }
      // The end of a request, whatever the reason.
      outstanding_ = 0;
      if (absl::Status told = OfPullStatus(raw); !told.ok()) {
        if (!messages.empty()) break;
        absl::SleepFor(std::min(kPause, wait));
        return told;
      }
    }
    return messages;
  }

  std::vector<InMessage> Cancel() override {
    std::vector<InMessage> messages;
    natsSubscription_Drain(subscription_.get());
    natsMsg* raw = nullptr;
    while (natsSubscription_NextMsg(&raw, subscription_.get(), 100) ==
           NATS_OK) {
      const NatsMessage message(raw);
      if (IsDelivery(raw)) messages.push_back(ToInMessage(raw));
    }
    return messages;
  }

 private:
  static bool IsDelivery(natsMsg* message) {
    return absl::StartsWith(
        natsMsg_GetReply(message) == nullptr ? "" : natsMsg_GetReply(message),
        "$JS.ACK.");
  }

  static absl::Status NoConsumer() {
    return absl::NotFoundError("the consumer does not exist");
  }

  // 404 and 408 mean that there was nothing; others that nothing can come.
  static absl::Status OfPullStatus(natsMsg* message) {
    const char* code = nullptr;
    const char* description = nullptr;
    natsMsgHeader_Get(message, "Status", &code);
    natsMsgHeader_Get(message, "Description", &description);
    const absl::string_view status = code == nullptr ? "" : code;
    const absl::string_view why = description == nullptr ? "" : description;
    if (status == "404" || status == "408") return absl::OkStatus();
    if (absl::StrContains(why, "Consumer Deleted")) return NoConsumer();
    return absl::UnavailableError(absl::StrCat("pull: ", status, " ", why));
  }

  absl::Status Ask(int batch) {
    const Connection connection = link_.Get();
    if (!IsConnected(connection)) {
      return absl::UnavailableError("NATS is away");
    }
    if (connection != connection_) {
      if (absl::Status bound = Bind(connection); !bound.ok()) return bound;
    }
    const uint64_t epoch = epoch_.Of(connection);
    const std::string request =
        absl::StrCat(R"({"batch":)", batch, R"(,"expires":)",
                     absl::ToInt64Nanoseconds(kPullExpires), "}");
    natsStatus status = natsConnection_PublishRequest(
        connection.get(), subject_.c_str(), inbox_.c_str(), request.data(),
        static_cast<int>(request.size()));
    // The library would wait a millisecond for more to send.
    if (status == NATS_OK)
      status = natsConnection_FlushTimeout(connection.get(), 2000);
    if (status != NATS_OK) return ToStatus(status, "pull");
    outstanding_ = batch;
    asked_in_ = epoch;
    lost_after_ = absl::Now() + kPullExpires + kPullLost;
    return absl::OkStatus();
  }

  Link& link_;
  const std::string subject_;
  const std::string inbox_prefix_;
  const Epoch epoch_;
  Connection connection_;
  std::string inbox_;
  NatsSubscription subscription_;
  int outstanding_ = 0;  // messages the server may still send
  uint64_t asked_in_ = 0;
  absl::Time lost_after_ = absl::InfinitePast();
  Spent spent_;
};

class NatsJetStream final : public JetStream {
 public:
  NatsJetStream(std::unique_ptr<Link> link, std::string inbox_prefix)
      : link_(std::move(link)), inbox_prefix_(std::move(inbox_prefix)) {}

  bool connected() const override { return IsConnected(link_->Get()); }

  // An inbox of our own rather than the library's asynchronous publisher: no
  // stalls, no callbacks, and the answer's place is in its subject. The last
  // one is a request: the library sends it at once, and with it what it has
  // held back of the others.
  std::vector<absl::StatusOr<PublishAck>> PublishAll(
      absl::Span<const OutMessage> messages, absl::Duration timeout) override {
    std::vector<absl::StatusOr<PublishAck>> results(
        messages.size(),
        absl::UnavailableError("no stream acknowledged the message"));
    MutexLock lock(publishing_);
    const absl::Time end = absl::Now() + timeout;
    const Connection connection = link_->Get();
    if (absl::Status ready = PrepareAcks(connection); !ready.ok()) {
      std::fill(results.begin(), results.end(), ready);
      return results;
    }
    const std::string batch = absl::StrCat(ack_inbox_, ".", ++batches_, ".");
    const uint64_t epoch = epoch_.Of(connection);
    size_t sent = 0;
    for (size_t i = 0; i < messages.size(); ++i) {
      const bool last = i + 1 == messages.size();
      natsMsg* raw = nullptr;
      natsStatus status = Make(
          messages[i], last ? std::string() : absl::StrCat(batch, i), &raw);
      if (raw != nullptr) spent_.Add(raw);
      natsMsg* answer = nullptr;
      if (status == NATS_OK) {
        status = last
                     ? natsConnection_RequestMsg(&answer, connection.get(), raw,
                                                 Millis(end - absl::Now()))
                     : natsConnection_PublishMsg(connection.get(), raw);
      }
      if (answer != nullptr) {
        spent_.Add(answer);
        results[i] = ParseAck(answer);
      } else if (status == NATS_OK) {
        ++sent;
      } else {
        results[i] = ToStatus(status, "publish");
        // Too big for the server: the others are not.
        if (!absl::IsInvalidArgument(results[i].status())) break;
      }
    }
    for (size_t received = 0; received < sent;) {
      natsMsg* raw = nullptr;
      const natsStatus status = natsSubscription_NextMsg(
          &raw, acks_.get(), Millis(std::min(end - absl::Now(), kNotice)));
      if (status == NATS_TIMEOUT && absl::Now() < end &&
          epoch_.Of(connection) == epoch) {
        continue;
      }
      if (status == NATS_NO_RESPONDERS) {
        // No stream takes one of them. Which one the library keeps to itself,
        // but it is among those that get no other answer.
        ++received;
        continue;
      }
      if (status != NATS_OK) break;
      spent_.Add(raw);
      absl::string_view subject = natsMsg_GetSubject(raw);
      size_t index = 0;
      // Late answers to an earlier batch are not for us.
      if (!absl::ConsumePrefix(&subject, batch) ||
          !absl::SimpleAtoi(subject, &index) || index >= messages.size()) {
        continue;
      }
      results[index] = ParseAck(raw);
      ++received;
    }
    spent_.Sweep();
    return results;
  }

  absl::Status Send(const std::string& subject,
                    absl::string_view payload) override {
    return ToStatus(natsConnection_Publish(link_->Get().get(), subject.c_str(),
                                           payload.data(),
                                           static_cast<int>(payload.size())),
                    "publish");
  }

  absl::StatusOr<std::string> Api(absl::string_view method,
                                  absl::string_view json,
                                  absl::Duration timeout) override {
    const Connection connection = link_->Get();
    if (!IsConnected(connection)) return absl::UnavailableError("NATS is away");
    const std::string subject = absl::StrCat("$JS.API.", method);
    natsMsg* raw = nullptr;
    const natsStatus status = natsConnection_Request(
        &raw, connection.get(), subject.c_str(), json.data(),
        static_cast<int>(json.size()), Millis(timeout));
    const NatsMessage answer(raw);
    if (status != NATS_OK) return ToStatus(status, method);
    std::string text(natsMsg_GetData(raw),
                     static_cast<size_t>(natsMsg_GetDataLength(raw)));
    const nlohmann::json parsed =
        nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (parsed.is_object() && parsed.contains("error")) {
      return OfApiError(parsed["error"]);
    }
    return text;
  }

  bool Flush(absl::Duration timeout) override {
    const Connection connection = link_->Get();
    return IsConnected(connection) &&
           natsConnection_FlushTimeout(connection.get(), Millis(timeout)) ==
               NATS_OK;
  }

  absl::StatusOr<std::unique_ptr<Pull>> PullFrom(
      const std::string& stream, const std::string& consumer) override {
    auto pull = std::make_unique<NatsPull>(
        *link_,
        absl::StrCat("$JS.API.CONSUMER.MSG.NEXT.", stream, ".", consumer),
        inbox_prefix_);
    if (absl::Status bound = pull->Bind(link_->Get()); !bound.ok()) {
      return bound;
    }
    return pull;
  }

 private:
  absl::Status PrepareAcks(const Connection& connection)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(publishing_) {
    if (!IsConnected(connection)) return absl::UnavailableError("NATS is away");
    if (acks_ != nullptr && acks_.get_deleter().connection == connection) {
      return absl::OkStatus();
    }
    ack_inbox_ = NewInbox(inbox_prefix_);
    absl::StatusOr<NatsSubscription> acks =
        Subscribe(connection, ack_inbox_ + ".>");
    if (!acks.ok()) return acks.status();
    acks_ = *std::move(acks);
    return absl::OkStatus();
  }

  // The caller owns `*made`, also if this fails.
  static natsStatus Make(const OutMessage& message, const std::string& reply,
                         natsMsg** made) {
    natsStatus status = natsMsg_Create(
        made, message.subject.c_str(), reply.empty() ? nullptr : reply.c_str(),
        message.payload.data(), static_cast<int>(message.payload.size()));
    for (const auto& [name, value] : message.headers) {
      if (status != NATS_OK) break;
      status = natsMsgHeader_Set(*made, name.c_str(), value.c_str());
    }
    return status;
  }

  const std::unique_ptr<Link> link_;
  const std::string inbox_prefix_;
  Mutex publishing_;
  const Epoch epoch_ ABSL_GUARDED_BY(publishing_);
  std::string ack_inbox_ ABSL_GUARDED_BY(publishing_);
  NatsSubscription acks_ ABSL_GUARDED_BY(publishing_);
  uint64_t batches_ ABSL_GUARDED_BY(publishing_) = 0;
  Spent spent_ ABSL_GUARDED_BY(publishing_);
};

// Nobody listens there. The library gives up for ever if the last server of its
// list takes the first connection and closes it again, as a sidecar does while
// the broker is away; not if that one cannot be reached at all.
constexpr char kNobody[] = "nats://127.0.0.1:1";

natsStatus Configure(natsOptions* options, const JetStreamOptions& wanted) {
  std::vector<std::string> urls = absl::StrSplit(wanted.url, ',');
  // Not by the library: kNobody must be the last.
  std::shuffle(urls.begin(), urls.end(), std::mt19937(std::random_device()()));
  std::vector<const char*> servers;
  servers.reserve(urls.size() + 1);
  for (const std::string& url : urls) servers.push_back(url.c_str());
  servers.push_back(kNobody);
  for (const natsStatus status :
       {natsOptions_SetServers(options, servers.data(),
                               static_cast<int>(servers.size())),
        natsOptions_SetNoRandomize(options, true),
        // Those that were named: a proxy leads to no others.
        natsOptions_SetIgnoreDiscoveredServers(options, true),
        natsOptions_SetName(options, wanted.name.c_str()),
        natsOptions_SetRetryOnFailedConnect(options, true, OnReconnected,
                                            nullptr),
        natsOptions_SetMaxReconnect(options, -1),
        natsOptions_SetReconnectWait(options, 250),
        natsOptions_SetReconnectJitter(options, 100, 100),
        natsOptions_SetFailRequestsOnDisconnect(options, true),
        natsOptions_SetPingInterval(options, 5000),
        natsOptions_SetMaxPingsOut(options, 2),
        natsOptions_SetTimeout(options, 2000),
        // Without one, who writes to a broker that hangs does so for as long as
        // the kernel tries, and nobody else gets at the connection meanwhile.
        natsOptions_SetWriteDeadline(options, 5000),
        natsOptions_SetDisconnectedCB(options, OnDisconnected, nullptr),
        natsOptions_SetReconnectedCB(options, OnReconnected, nullptr)}) {
    if (status != NATS_OK) return status;
  }
  if (wanted.user.empty()) return NATS_OK;
  const natsStatus status = natsOptions_SetUserInfo(
      options, wanted.user.c_str(), wanted.password.c_str());
  if (status != NATS_OK) return status;
  return natsOptions_SetCustomInboxPrefix(options,
                                          InboxPrefix(wanted.user).c_str());
}

}  // namespace

JetStreamOptions BrokerAs(absl::string_view name, const NatsConfig& nats) {
  return {.url = nats.url,
          .name = std::string(name),
          .user = nats.user,
          .password = nats.password};
}

absl::StatusOr<std::unique_ptr<JetStream>> JetStream::Connect(
    const JetStreamOptions& options) {
  natsOptions* raw_options = nullptr;
  if (natsOptions_Create(&raw_options) != NATS_OK) std::abort();
  auto link = std::make_unique<Link>(Options(raw_options));
  natsStatus status = Configure(raw_options, options);
  if (status == NATS_OK) status = link->Connect();
  if (status == NATS_NOT_YET_CONNECTED) {
    log::Warning("the broker is away or refuses; it is tried again");
  } else if (status != NATS_OK) {
    return absl::InvalidArgumentError(
        absl::StrCat("--nats_url, --nats_user: ", natsStatus_GetText(status)));
  }
  return std::make_unique<NatsJetStream>(std::move(link),
                                         InboxPrefix(options.user));
}

}  // namespace platform::events
