// A program to see the disk by: it changes files of the folder that it is told, and looks at no result.

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count != 2 || chdir(arguments[1]) != 0) {
        return 1;
    }
    int file = open("new", O_CREAT | O_WRONLY | O_TRUNC, 0666);      // 1
    ssize_t written = write(file, "one", 3);                         // 2
    int synced = fsync(file);                                        // 3
    written += write(file, "two", 3);                                // 4
    close(file);                                                     // 5
    int renamed = rename("new", "old");                              // 6
    int removed = unlink("gone");                                    // 7
    int made = mkdir("made", 0777);                                  // 8
    int folder = open(".", O_RDONLY);                                // 9
    synced += fsync(folder);                                         // 10
    close(folder);                                                   // 11
    int last = open("../watched/./last", O_CREAT | O_WRONLY, 0666);  // 12
    close(last);                                                     // 13
    printf("%zd %d %d %d %d\n", written, synced, renamed, removed, made);
    return 0;
}
