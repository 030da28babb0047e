\ The screen: positions, colours, boxes, and a logo.

: esc[ ( -- ) 27 emit [char] [ emit ;
: .plain ( n -- ) 0 <# #s #> type ;
: go-to ( x y -- ) esc[ .plain [char] ; emit .plain [char] H emit ;
: colour ( n -- ) esc[ 30 + .plain [char] m emit ;
: bold ( -- ) esc[ ." 1m" ;
: plain ( -- ) esc[ ." m" ;
: clear-screen ( -- ) esc[ ." H" esc[ ." J" ;

variable box-x  variable box-y  variable box-width  variable box-height
: across ( y -- )
  box-x @ swap go-to
  [char] + emit
  box-width @ 2 - 0 ?do [char] - emit loop
  [char] + emit ;
: sides ( y -- )
  dup box-x @ swap go-to [char] | emit
  box-x @ box-width @ + 1- swap go-to [char] | emit ;
: box ( width height x y -- )
  box-y ! box-x ! box-height ! box-width !
  box-y @ across
  box-height @ 1- 1 ?do box-y @ i + sides loop
  box-y @ box-height @ + 1- across ;

variable logo-x  variable logo-y
: line ( addr len -- ) logo-x @ logo-y @ go-to type 1 logo-y +! ;
: draw-logo ( -- )
  46 logo-x !  7 logo-y !
  1 colour
  s"            .-----------.           " line
  s"        .--'             '--.       " line
  s"      .'     .---------.     '.     " line
  s"    .'     .'           '.     '.   " line
  s"   /      /    .-----.    \      \  " line
  s"  |      |    /       \    |      | " line
  3 colour
  s"  |      |   |    o    |   |      | " line
  s"  |      |    \       /    |      | " line
  s"   \      \    '-----'    /      /  " line
  s"    '.     '.           .'     .'   " line
  s"      '.     '---------'     .'     " line
  s"        '--.             .--'       " line
  s"            '-----------'           " line
  plain
  2 logo-x !  1 logo-y !
  bold
  s"  ____                  _      " line
  s" | __ )  ___ _ __   ___| |__   " line
  s" |  _ \ / _ \ '_ \ / __| '_ \  " line
  s" | |_) |  __/ | | | (__| | | | " line
  s" |____/ \___|_| |_|\___|_| |_| " line
  plain ;
