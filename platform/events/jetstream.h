// RAII over NATS.c; jetstream.cc is the only file that includes <nats/nats.h>.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace platform {
struct NatsConfig;
}  // namespace platform

namespace platform::events {

struct JetStreamOptions {
  std::string url;   // nats://host:port[,nats://…]
  std::string name;  // shown by the server's monitoring
  // Who this is, if the server asks. A user hears what is for its own inboxes
  // only, all of which begin with `_INBOX_<user>.`: the server's permissions
  // name that prefix.
  std::string user = {};
  std::string password = {};
};
// What the flags say of the broker, for a connection called `name`.
JetStreamOptions BrokerAs(absl::string_view name, const NatsConfig& nats);

// A message on its way out.
struct OutMessage {
  std::string subject;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string payload;
};

// Where the stream put it.
struct PublishAck {
  std::string stream;
  uint64_t sequence = 0;
  bool duplicate = false;  // the message id was known: nothing was stored
};

// A message on its way in.
struct InMessage {
  std::string subject;
  std::string reply;  // where acks go; empty if none is expected
  std::vector<std::pair<std::string, std::string>> headers;
  std::string payload;
  // From the reply subject; 0 if it is not a JetStream delivery.
  uint64_t stream_sequence = 0;
  uint64_t delivered = 0;  // 1 at first delivery
  uint64_t pending = 0;    // messages behind it

  // The value of header `name` (case-insensitive), or "".
  absl::string_view Header(absl::string_view name) const;
};

// A connection to NATS and its JetStream. Thread-safe. Connects in the
// background and reconnects for ever: calls fail with `UNAVAILABLE` while the
// server is away, or refuses the user; the log says which.
class JetStream {
 public:
  // Fails with `INVALID_ARGUMENT` if the URL cannot be read; not if the server
  // is away.
  static absl::StatusOr<std::unique_ptr<JetStream>> Connect(
      const JetStreamOptions& options);
  virtual ~JetStream() = default;

  virtual bool connected() const = 0;

  // Publishes all, pipelined, and waits for the acknowledgements. Returns one
  // result for each, in order. A message without an acknowledgement may have
  // been stored. One call at a time publishes; `timeout` counts from its turn.
  virtual std::vector<absl::StatusOr<PublishAck>> PublishAll(
      absl::Span<const OutMessage> messages, absl::Duration timeout) = 0;

  // Publishes one message without JetStream's acknowledgement: acks, naks.
  virtual absl::Status Send(const std::string& subject,
                            absl::string_view payload) = 0;

  // Calls the JetStream API (`$JS.API.<method>`) with a JSON body and returns
  // the JSON answer. An `error` in the answer becomes a status with its text:
  // 404 `NOT_FOUND`, 400 `INVALID_ARGUMENT`, 503 `UNAVAILABLE`, otherwise
  // `INTERNAL`.
  // https://docs.nats.io/reference/reference-protocols/nats_api_reference
  virtual absl::StatusOr<std::string> Api(absl::string_view method,
                                          absl::string_view json,
                                          absl::Duration timeout) = 0;

  // Waits until everything sent has left; false if that took longer.
  virtual bool Flush(absl::Duration timeout) = 0;

  // A pull subscription: an inbox of our own and requests for more. Chosen over
  // push (a hung member stalls its group) and over natsSubscription_Fetch (a
  // heap overflow in 3.4): docs/adr/0010.
  class Pull {
   public:
    virtual ~Pull() = default;
    // Returns up to `max` messages: waits up to `wait` for the first, then
    // takes what is there. Empty if none came. Asks the server for more as
    // needed. Fails with `NOT_FOUND` if the consumer does not exist,
    // `UNAVAILABLE` while disconnected. One thread at a time.
    virtual absl::StatusOr<std::vector<InMessage>> Next(
        int max, absl::Duration wait) = 0;
    // Asks for no more and returns what had arrived and was not taken; to be
    // given back. The end of this subscription.
    virtual std::vector<InMessage> Cancel() = 0;
  };
  // Binds to an existing consumer.
  virtual absl::StatusOr<std::unique_ptr<Pull>> PullFrom(
      const std::string& stream, const std::string& consumer) = 0;
};

}  // namespace platform::events
