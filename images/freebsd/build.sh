#!/bin/sh
# Makes disks with a FreeBSD 12.1 for i386 that v86 and QEMU run: its own kernel and loader scripts, one process.
#
#     sh images/freebsd/build.sh SOURCES OUTDIR
#
# SOURCES is a checkout of FreeBSD 12.1 (sys, stand, share/mk, usr.sbin/config), which isn't written to. OUTDIR gets lua.img and
# 4th.img, which differ in the interpreter that is asked for, and keeps what is built. Nothing of FreeBSD is part of this project, so
# these images aren't either. README.md says what it needs.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 SOURCES OUTDIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
sources=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
work=$out/work
mkdir -p "$work/tools" "$work/sys/i386/compile"
PATH=$work/tools:$PATH:/usr/sbin
# genoffset.sh sorts, and means bytes.
export LC_ALL=C PATH

tool() {
	{ echo '#!/bin/sh'; cat; } >"$work/tools/$1"
	chmod +x "$work/tools/$1"
}

# genoffset.sh and genassym.sh read common symbols; newvers.sh wants one line of -v.
tool cc <<'EOF'
clang="clang -target i386-unknown-freebsd12.1 -fuse-ld=lld -fcommon -Wno-unused-command-line-argument"
[ "$*" = -v ] && { $clang -v 2>&1 | sed -n 1p; exit; }
exec $clang "$@"
EOF
# The makefiles know LLD by its first word.
tool ld <<'EOF'
[ "$1" = --version ] && { ld.lld --version | sed 's/.*LLD \([0-9.]*\).*/LLD \1/'; exit; }
exec ld.lld "$@"
EOF
tool file2c <<'EOF'
case $1 in -*) shift ;; esac
echo "$1"
od -An -v -tx1 | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'
echo "${2-}"
EOF

configTool() {
	at=$sources/usr.sbin/config
	cd "$work/tools"
	byacc -d -o y.tab.c "$at/config.y"
	flex -o lang.c "$at/lang.l"
	file2c 'char kernconfstr[] = {' '0};' <"$at/kernconf.tmpl" >kernconf.c
	clang -O1 -w -fcommon -D_GNU_SOURCE -DLIBBSD_OVERLAY -D__dead2= '-D__FBSDID(x)=' -I. "-I$at" "-I$here/host" \
		-isystem /usr/include/bsd -o config y.tab.c lang.c kernconf.c "$at"/main.c "$at"/mk*.c -lbsd
}

kernel() {
	# All but i386, where something is written, are links.
	for entry in "$sources"/sys/*; do
		[ "${entry##*/}" = i386 ] || ln -sfn "$entry" "$work/sys/"
	done
	cp -R "$sources/sys/i386" "$work/sys/"
	chmod -R u+w "$work/sys/i386"
	# Today's assemblers have only the exact name.
	sed 's/vpxor\([[:blank:]]*%zmm\)/vpxord\1/' "$sources/sys/i386/i386/support.s" >"$work/sys/i386/i386/support.s"
	cp "$here/GUEST" "$work/sys/i386/conf/"
	cd "$work/sys/i386/conf"
	config GUEST
	cd ../compile/GUEST
	bmake -m "$sources/share/mk" -j "$(nproc)" MACHINE=i386 MACHINE_ARCH=i386 MACHINE_CPUARCH=i386 "SYSDIR=$work/sys" \
		CC=cc LD="$work/tools/ld" NM=llvm-nm OBJCOPY=llvm-objcopy SIZE=llvm-size CWARNFLAGS=-w WERROR= NO_WERROR=yes \
		NO_MODULES=yes WITHOUT_CTF=yes MK_CTF=no __MAKE_CONF=/dev/null SRCCONF=/dev/null kernel
}

image() {
	tree=$work/tree
	rm -rf "$tree"
	mkdir -p "$tree/boot/kernel" "$tree/boot/defaults" "$tree/boot/lua" "$tree/dev" "$tree/etc" "$tree/sbin"
	cp "$work/sys/i386/compile/GUEST/kernel" "$tree/boot/kernel/"
	cp "$sources"/stand/forth/*.4th "$sources/stand/forth/menu.rc" "$sources/stand/i386/loader/loader.rc" "$tree/boot/"
	cp "$sources"/stand/lua/*.lua "$tree/boot/lua/"
	cp "$sources/stand/defaults/loader.conf" "$tree/boot/defaults/"
	cp "$sources/sys/i386/conf/GENERIC.hints" "$tree/boot/device.hints"
	printf 'Stands in for the loader, of which only the mark is looked at.\n$Interpreter:%s\0\n' "$1" >"$tree/boot/loader"
	printf '# As an installer leaves it.\nautoboot_delay="10"\n' >"$tree/boot/loader.conf"
	printf '/dev/vtbd0p2\t/\tufs\trw\t1\t1\n' >"$tree/etc/fstab"
	cc -c -o "$work/init.o" "$here/init.S"
	ld.lld -m elf_i386_fbsd -static -o "$tree/sbin/init" "$work/init.o"
	chmod 555 "$tree/sbin/init"
	makefs -t ffs -B le -s 24m -o version=2,bsize=32768,fsize=4096 "$work/root.ufs" "$tree"
	node "$here/../tools/partition.mjs" gpt "$work/root.ufs" "$out/$1.img"
}

[ -f "$work/sys/i386/compile/GUEST/kernel" ] || (set -e; configTool; kernel) >"$work/log" 2>&1 || {
	tail -n 20 "$work/log" >&2
	exit 1
}
image lua >"$work/makefs.log"
image 4th >"$work/makefs.log"
