// SPDX-License-Identifier: Apache-2.0
// The least that an FPM server can do: reads and throws away, on 127.0.0.1 and the port of the first argument. After
// every pause of a second it prints bytes and seconds from the connection to the last of them.
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	static char buffer[1 << 16];
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(argc > 1 ? argv[1] : "0")) };
	int on = 1, server = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(server, (struct sockaddr *)&address, sizeof(address)) || listen(server, 1))
		return 1;
	puts("listening");
	fflush(stdout);
	for (;;) {
		int client = accept(server, NULL, NULL);
		double start = now(), last = start;
		long total = 0, told = 0;

		for (;;) {
			struct pollfd wait = { .fd = client, .events = POLLIN };

			if (poll(&wait, 1, 1000) == 0) {
				if (told != total)
					printf("{\"bytes\":%ld,\"seconds\":%.6f}\n", total, last - start);
				fflush(stdout);
				told = total;
				continue;
			}
			ssize_t got = read(client, buffer, sizeof(buffer));
			if (got <= 0)
				break;
			total += got;
			last = now();
		}
		close(client);
	}
}
