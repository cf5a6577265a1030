# SPDX-License-Identifier: Apache-2.0
# Gives bgpd the socket of macipd's relay as that of zebra. /etc/frr/daemons sources this (macipctl hook install) whenever
# FRR's scripts start or restart a daemon; they have set $suffix, which is "/NAME" with a path space and else empty.

# A bgpd without zebra looks healthy and has no routes, so nothing is changed unless something is at the path: the
# socket, or the link to zebra's own that is there while no relay runs.
: "${macipd_socket:=/run/macipd${suffix}/zserv.api}"
if [ ! -e /run/macipd/disabled ] && { [ -L "$macipd_socket" ] || [ -S "$macipd_socket" ]; }; then
	case " $bgpd_options " in
	*" -z"* | *" --socket"*) ;;
	*) bgpd_options="$bgpd_options -z $macipd_socket" ;;
	esac
fi

# zebra would not start without the module.
if [ "$macipd_fpm" = yes ] && [ -n "$(find /usr/lib/frr/modules /usr/lib/*/frr/modules -name dplane_fpm_nl.so 2>/dev/null)" ]; then
	case " $zebra_options " in
	*" dplane_fpm_nl"*) ;;
	*) zebra_options="$zebra_options -M dplane_fpm_nl" ;;
	esac
fi
