// Hears from Postgres which views have changed, in whichever replica.
#pragma once

#include <string>
#include <thread>

#include "mypage/adapters/watch_hub.h"
#include "platform/pg/pool.h"
#include "platform/thread/event_fd.h"

namespace mypage {

// Listens, on a thread and a connection of its own, while it lives. The
// connection must be a session (no transaction pooler): LISTEN belongs to one.
// When it was lost and is made again, the hub reads everything anew, so nothing
// is missed. Metric: watch_listening, 1 while it hears.
class ChangeListener {
 public:
  // `hub` must outlive it.
  ChangeListener(std::string dsn, WatchHub& hub);
  ~ChangeListener();
  ChangeListener(const ChangeListener&) = delete;
  ChangeListener& operator=(const ChangeListener&) = delete;

 private:
  void Run();
  // Until the connection is lost, by an exception, or the end.
  void Listen(pqxx::connection& connection);
  bool stopping() const;

  const std::string dsn_;
  WatchHub& hub_;
  platform::EventFd stop_;
  std::thread thread_;
};

}  // namespace mypage
