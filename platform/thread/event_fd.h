// A signal that poll() can wait for.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

namespace platform {

// Set until it is taken; setting it again before that changes nothing.
// Thread-safe.
class EventFd {
 public:
  EventFd() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~EventFd() { close(fd_); }
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;

  // Readable while it is set.
  int fd() const { return fd_; }
  void Set() const { eventfd_write(fd_, 1); }
  // True if it was set.
  bool Take() const {
    eventfd_t value = 0;
    return eventfd_read(fd_, &value) == 0;
  }

 private:
  const int fd_;
};

}  // namespace platform
